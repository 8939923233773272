"""Questions, find the bug, and the table of progress.

Imports: engine.core, shared.
"""
