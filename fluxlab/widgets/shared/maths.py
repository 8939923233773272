"""Formulas and names for the page: MathML for formulas, Unicode for what a canvas draws."""

from __future__ import annotations

import html
import re
from functools import lru_cache

# The converter passes what stands in \\text through as it is: markup in it must stay text.
_TEXT = re.compile(r"\\text\{[^{}]*\}")
_HIDDEN = str.maketrans("<>&", "\ue000\ue001\ue002")
_SHOWN = str.maketrans({"\ue000": "&lt;", "\ue001": "&gt;", "\ue002": "&amp;"})
_TAG = re.compile(r"<[^<>]*>?")
_ALLOWED = re.compile(r'</?m[a-z]+(?: (?!on|href|src|style)[a-z-]+="[^"<>]*")* ?/?>')
# A minus after a bracket or another sign belongs to its number; the converter sees none as such.
_SIGN = re.compile(r"(<mo[^>]*>&#x0(?:0028|003D|00B7|002B|2062);</mo>)<mo>(&#x02212;)")
# The italic h of mathematics is a letter that many fonts lack: an italic letter h instead.
_H = '<mi mathvariant="normal" class="fl-italic">h</mi>'
_OPERAND = re.compile(r'class="operand-(\d+)"')
_NESTED = r"\((?:[^()]|\([^()]*\))*\)"  # a formula in brackets, `(1 - (t * y))`
_GRADIENT = re.compile(rf"\bd({_NESTED}|[A-Za-z][\w ]*?(?:\([^()]*\))?)_d(?=[A-Za-z(])")
_WORD = re.compile(r"\[([A-Za-z][^\[\]]*)\]")  # `[new]`, `[use 2]`; not the places of `x[:, 2]`
_COST = re.compile(r"\bdC_d")
_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "epsilon": "ε", "sigma": "σ", "mu": "μ"}
# No formula begins or ends with a space: `5$ and 6$` are prices.
_INLINE = re.compile(
    r"\$(?=\S)(?P<math>[^$]+)(?<=\S)\$(?!\d)|`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*"
)


@lru_cache(maxsize=4096)
def mathml(latex: str) -> str:
    """A formula in LaTeX as a MathML element; `operand(n, ...)` parts carry `data-operand="n"`."""
    from latex2mathml.converter import convert

    made = convert(_TEXT.sub(lambda text: text[0].translate(_HIDDEN), latex))
    made = _TAG.sub(lambda tag: tag[0] if _ALLOWED.fullmatch(tag[0]) else html.escape(tag[0]), made)
    made = made.translate(_SHOWN).replace(r"\_", "_")  # the converter keeps the stroke of b\_y
    made = _SIGN.sub(r'\1<mo form="prefix">\2', made).replace("<mi>h</mi>", _H)
    return _OPERAND.sub(r'data-operand="\1"', made)


@lru_cache(maxsize=1024)
def formula(latex: str) -> str:
    """A long formula as several MathML elements, so that a narrow panel can break its line.

    It may break before `=` and `+` outside braces.
    """
    pieces, start, depth = [], 0, 0
    for i, letter in enumerate(latex):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0 and i > start and latex[i : i + 3] in (" = ", " + "):
            pieces.append(latex[start:i])
            start = i
    pieces.append(latex[start:])
    return " ".join(mathml(piece.strip()) for piece in pieces if piece.strip())


def operand(number: int, latex: str) -> str:
    """`latex` marked as operand `number` of its formula, so that a page can light it up."""
    return rf"\class{{operand-{number}}}{{{latex}}}"


@lru_cache(maxsize=4096)
def pretty(local: str) -> str:
    """A matrix's own name as a canvas draws it: `dC_dw` -> `∂C/∂w`, `x @ w` -> `x·w`."""
    text = _COST.sub("∂C/∂", _GRADIENT.sub(r"∂\1/∂", local))
    text = _WORD.sub(r" \1", text.replace(" @ ", "·")).strip()
    return re.sub(r"[A-Za-z]+", lambda word: _GREEK.get(word[0], word[0]), text)


def prose(text: str) -> str:
    """A lesson's sentence as HTML: `$formula$`, `` `code` `` and `**strong**`; the rest escaped."""
    parts, end = [], 0
    for found in _INLINE.finditer(text):
        parts.append(html.escape(text[end : found.start()]))
        if found["math"]:
            parts.append(mathml(found["math"]))
        elif found["code"]:
            parts.append(f"<code>{html.escape(found['code'])}</code>")
        else:
            parts.append(f"<strong>{html.escape(found['strong'])}</strong>")
        end = found.end()
    parts.append(html.escape(text[end:]))
    return "".join(parts).replace("\n\n", "<br><br>")


def plain(text: str) -> str:
    """The same sentence without marks, for text outputs."""
    return _INLINE.sub(lambda found: found["math"] or found["code"] or found["strong"], text)
