"""What is read from a trace: gradients, explanations, the gradient check, a NumPy script.

Imports: core, catalogue.
"""
