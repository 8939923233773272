"""What a student can write: operations, activations, costs, windows, first weights.

Imports: core.
"""
