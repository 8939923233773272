"""A network on its data, in FLUX's own words; its files, its ensembles, what it can hold.

Imports: core, catalogue, running, readers, building, tracing, data, text, layers.
"""
