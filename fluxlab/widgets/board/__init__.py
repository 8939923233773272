"""The board: every matrix of a trace as a heatmap, and its picture without a kernel.

Imports: engine.core, shared.
"""
