"""Colours, fonts and distances of the widgets: `look.json`, for Python, style sheets and scripts.

Pages follow their theme; pictures are light. Of the `board`, in pixels: a title's baseline stands
`title_above` its cells, and it may be `title_overhang` wider than its column; cells hold numbers
of `number_size` from a width on, and are apart from a width on; `dark_below` is the luminance of
a cell below which its number is written light.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_TEXT = (Path(__file__).parent / "look.json").read_text("utf-8")
LOOK: dict[str, Any] = json.loads(_TEXT)
LIGHT: dict[str, str] = LOOK["light"]
BOARD: dict[str, Any] = LOOK["board"]
BACK, INK, MUTED, LINE = LIGHT["back"], LIGHT["ink"], LIGHT["muted"], LIGHT["line"]
LOW, HIGH, BAD, ACCENT = LIGHT["low"], LIGHT["high"], LIGHT["bad"], LIGHT["accent"]


def script() -> str:
    """The same for the ES modules: a constant `LOOK` before the others."""
    return f"const LOOK = {_TEXT.strip()};\n"


def style() -> str:
    """The same for the style sheets: `--fl-ink`, `--fl-sans` and so on."""
    light, dark, fonts = (
        " ".join(f"--fl-{name}: {value};" for name, value in LOOK[part].items())
        for part in ("light", "dark", "fonts")
    )
    return f"""\
.fluxlab {{ {light} {fonts} }}
[data-jp-theme-light="false"] .fluxlab, .vscode-dark .fluxlab, .fluxlab.dark {{ {dark} }}
@media (prefers-color-scheme: dark) {{
  body:not([data-jp-theme-light]):not(.vscode-light) .fluxlab {{ {dark} }}
}}
"""
