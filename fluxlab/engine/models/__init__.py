"""Architectures, one file each, from the perceptron to the Transformer, with an EXAMPLE.

Imports: core, catalogue, running, readers, building, tracing, data, text, layers, networks.
"""
