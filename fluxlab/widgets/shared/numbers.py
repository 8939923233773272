"""Numbers as the page writes them, for its picture: `number` of common.js, `cellText` of the board.

A tie is rounded away from zero, as JavaScript does; Python's own formats round it to even.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal


def number(value: float, digits: int = 4) -> str:
    """Three or four significant digits, a true minus sign."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinity" if value > 0 else "−infinity"
    if value == 0:
        return "0"
    rounded = Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(Decimal(value))
    large_or_small = abs(value) >= 1e6 or abs(value) < 1e-4
    text = format(rounded.normalize(), "e" if large_or_small else "f")
    return text.replace("e+", "e").replace("-", "−")


def decimals_for(size: float) -> int:
    """Decimals that cells have room for, when the largest is `size`."""
    return 0 if size >= 99.5 else 1 if size >= 9.95 else 2


def cell_text(value: float, decimals: int) -> str:
    """A cell's number, short: ".94", "−1.42"; a small one is "≈0", only zero itself is "0"."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = abs(value)
    places = 0 if size < 1000 and size.is_integer() else decimals
    exact = Context(prec=400, rounding=ROUND_HALF_UP)
    rounded = Decimal(size).quantize(Decimal(1).scaleb(-places), context=exact)
    if rounded == 0:
        return "≈0"
    return ("−" if value < 0 else "") + str(rounded).removeprefix("0" if rounded < 1 else "")
