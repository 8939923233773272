"""What layers are made with: parameters, optimizers, schedules, regularizers.

Imports: core, catalogue, readers.
"""
