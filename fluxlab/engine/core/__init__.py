"""What a computation is: operations and their five kinds, matrices, steps, the trace.

Imports: nothing of FluxLab.
"""
