"""The widgets. Python owns the numbers; JavaScript owns pixels and pointers."""
