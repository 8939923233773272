"""The widgets. Python owns the numbers; JavaScript owns pixels and pointers.

Every import points down, from lab to board to shared, and from questions to shared.
"""
