"""Numbers as the page writes them, for its picture: `number` of common.js, `cellText` of the board.

A tie is rounded away from zero, as JavaScript does; Python's own formats round it to even.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

from fluxlab.engine.core.errors import BadInput

ROUND_OFF = 1e-12  # of the largest: what is smaller is what is left of numbers that cancel
_DECIMAL = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_FRACTION = re.compile(rf"({_DECIMAL})\s*/\s*({_DECIMAL})")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


def typed(text: str) -> float:
    """A number as a student types it: 0.5, .5, 2,0, -3e-4, 1/2; BadInput says what is wrong."""
    plain = text.strip().replace("\u2212", "-")
    if not plain:
        raise BadInput("Nothing is typed here. Type a number such as 0.5.")
    if len(plain) > 400:
        raise BadInput(f"{plain[:20]!r}... is too long for a number. Type one such as 0.5 or 1/2.")
    if _THOUSANDS.fullmatch(plain):
        raise BadInput(
            f"{plain!r} can be read in two ways. Write thousands without a comma, "
            f"{plain.replace(',', '')}, and decimals with a point, {plain.replace(',', '.', 1)}."
            if plain.count(",") == 1 and "." not in plain
            else f"{plain!r} has commas. Leave them out: {plain.replace(',', '')}."
        )
    point = plain.replace(",", ".") if plain.count(",") == 1 else plain
    fraction = _FRACTION.fullmatch(point)
    over = [float(part) for part in fraction.groups()] if fraction else []
    if over and not over[1]:
        raise BadInput(f"{plain!r} divides by 0. Type a number such as 0.5 or 1/2.")
    if re.fullmatch(r"[-+]?(inf(inity)?|nan)", point, re.IGNORECASE):
        raise BadInput(f"{plain!r} is not a finite number. Type one such as 0.5.")
    if not over and not re.fullmatch(_DECIMAL, point):
        raise BadInput(f"{plain[:60]!r} is not a number. Type one such as 0.5, -2, 1e-3 or 1/2.")
    value = over[0] / over[1] if over else float(point)
    if not math.isfinite(value):
        raise BadInput(f"{plain[:60]!r} is too large for a number here; at most about 1e308.")
    return value


def typed_anew(text: str) -> float:
    """A number typed over another, which stays where this one is refused."""
    try:
        return typed(text)
    except BadInput as problem:
        raise BadInput(f"{problem} The old number stays.") from None


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


def cell_text(value: float, scale: float, fits: Callable[[str], bool]) -> str:
    """A cell's number, plain: ".94", "−1.4", ".0046", "4e−6", with as many digits as fit.

    scale : the value of full colour; what round-off leaves of numbers so large is "≈0".
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if math.isfinite(scale) and abs(value) < ROUND_OFF * scale:
        return "≈0"
    sign, size = "−" if value < 0 else "", abs(value)
    whole = max(0, math.floor(math.log10(size)) + 1)  # digits before the point
    plain = [number(size, max(digits, min(whole, 6))) for digits in (3, 2, 1)]
    short = [sign + text.removeprefix("0" if size < 1 else "") for text in plain]
    rounded = Context(prec=1, rounding=ROUND_HALF_UP).create_decimal(Decimal(size))
    power = sign + format(rounded, "e").replace("e+", "e").replace("-", "−")
    last = power if len(power) < len(short[-1]) else short[-1]  # squeezed, if need be
    return next((text for text in short if fits(text)), last)
