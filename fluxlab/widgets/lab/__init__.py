"""What stands around the board: step bar, cost curve, explain panel, knobs, network picture, lab.

Imports: engine.core, engine.catalogue, engine.readers, shared, board.
"""
