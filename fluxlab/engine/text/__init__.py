"""Tokenizers, and the searches for the most probable sequence of tokens.

Imports: core, catalogue, readers, tracing.
"""
