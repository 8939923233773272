"""Iterations, fast: the plan and its passes, and the history with the way back.

Imports: core.
"""
