"""What every widget is made with: messages, the session, how formulas, names and colours look.

Imports: engine.core.
"""
