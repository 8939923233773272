"""The board as a small PNG, for pages without a kernel: quick, so that it delays no cell."""

from __future__ import annotations

import io
from collections.abc import Collection
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from fluxlab.widgets.board.layout import arrange
from fluxlab.widgets.board.pixels import Layout, place
from fluxlab.widgets.board.scales import Largest, of_places
from fluxlab.widgets.board.sizes import CONTROLS, TILE, has_tools, stepped
from fluxlab.widgets.shared.look import BACK, BAD, BOARD, INK, LIGHT, LINE, LOOK, MUTED
from fluxlab.widgets.shared.maths import pretty
from fluxlab.widgets.shared.numbers import cell_text

Pixels = npt.NDArray[np.uint8]

FONTS = {"serif": "DejaVuSerif-Italic", "sans": "DejaVuSans", "bold": "DejaVuSans-Bold"}
SHADES = 5  # of each colour: few, so that the file is small
NUMBERS = 120  # numbers inside cells at most, for a small file


@lru_cache
def font(name: str, size: int) -> Any:
    """One of the fonts that Matplotlib brings along; found without importing it."""
    found = find_spec("matplotlib")
    assert found is not None
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"{FONTS[name]}.ttf"), size)


def _rgb(text: str) -> npt.NDArray[np.float64]:
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def coloured(values: Any, scale: float, unit: bool = False, shades: int = SHADES) -> Pixels:
    """Colours of numbers, (..., 3), in a few shades: blue negative, orange positive.

    Red where a number is not finite. With `unit`, values in 0..1 from pale to violet.
    `shades` 0: as many as there are.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    known = np.where(finite, values, 0.0)
    share = np.clip(known if unit else np.abs(known) / (scale or 1.0), 0, 1)[..., None]
    if shades:
        share = (share * (shades - 1)).round() / (shades - 1)
    names = ("unit-0", "low", "unit-1") if unit else ("zero", "low", "high")
    start, low, high = (_rgb(LIGHT[name]) for name in names)
    end = np.where((known < 0)[..., None] & (not unit), low, high)
    mixed = start + (end - start) * share
    mixed[~finite] = _rgb(BAD)
    return mixed.round().astype(np.uint8)


@lru_cache
def _palette() -> Image.Image:
    """The few colours that a board's picture is stored with."""
    ramp = np.linspace(0, 1, SHADES)
    cells = [coloured(-ramp, 1.0), coloured(ramp, 1.0), coloured(ramp, 1.0, unit=True)]
    greys = [_rgb(INK) + (255 - _rgb(INK)) * share for share in np.linspace(0, 1, 4)]
    others = [_rgb(c) for c in (MUTED, LINE, BAD, LIGHT["zero"], BOARD["picture_grid"])]
    colours = np.concatenate([*cells, greys, others]).round().astype(np.uint8)
    image = Image.new("P", (1, 1))
    image.putpalette(colours.tobytes())
    return image


def board_picture(
    trace: Any,
    scale: str = "shared",
    selection: tuple[str, tuple[int, ...]] | None = None,
    folded: Collection[str] | None = None,
    known: Largest | None = None,
) -> bytes:
    """The board of a trace as a small PNG; `known` is how large its numbers have been."""
    image = board_image(trace, scale, selection, folded=folded, known=known)
    out = io.BytesIO()
    image.quantize(palette=_palette(), dither=Image.Dither.NONE).save(out, "png", compress_level=8)
    return out.getvalue()


def board_image(
    trace: Any,
    scale: str = "shared",
    selection: tuple[str, tuple[int, ...]] | None = None,
    width: int = 760,
    folded: Collection[str] | None = None,
    known: Largest | None = None,
) -> Image.Image:
    """The board of a trace as an image, `width` pixels wide at most."""
    layout = place(arrange(trace, folded), width)
    with trace.lock:
        scales = of_places(layout.places, known or Largest(), trace, scale)
        pixels = np.full((layout.height + 4, layout.width, 3), 255, dtype=np.uint8)
        for at in layout.bands:
            if not at.band.depth:
                pixels[int(at.y), int(at.x) :] = _rgb(LINE)
        for x, top, bottom in layout.rules:
            pixels[int(top) : int(bottom), int(x)] = _rgb(LINE)
        for shown in layout.places:
            _paint(pixels, shown, scales[id(shown)], selection)
        image = Image.fromarray(pixels)
        draw = ImageDraw.Draw(image)
        numbered = [p for p in layout.places if p.cell[0] >= BOARD["numbers_from"]]
        if sum(p.slot.matrix.buffer.size for p in numbered) > NUMBERS:  # then only C and the like
            numbered = [p for p in numbered if p.slot.matrix.buffer.size == 1]
        for shown in layout.places:
            _title(draw, shown)
        for shown in numbered:
            if shown.slot.matrix.ready:
                _numbers(draw, shown, scales[id(shown)])
    _headers(image, draw, layout)
    return image


def _headers(image: Image.Image, draw: Any, layout: Layout) -> None:
    for at in layout.bands:
        band, base = at.band, at.y + BOARD["header_baseline"]
        title = f"▸ {band.title}" if band.folded else band.title
        draw.text((at.x, base), title, INK, font("bold", 12), anchor="ls")
        after = at.x + draw.textlength(title, font("bold", 12)) + 8
        draw.text((after, base), band.detail, MUTED, font("sans", 12), anchor="ls")
    for fold in layout.folds:
        if fold.where != "band":
            spot = (fold.x, fold.y + 13)
            draw.text(spot, f"▸ {fold.words}", MUTED, font("sans", 10), anchor="ls")
    for lane, right, y, height in layout.labels:
        text = LOOK["lanes"][lane]
        long = int(draw.textlength(text, font("sans", 10))) + 2
        if long < height + 4:
            label = Image.new("RGB", (long, 14), BACK)
            ImageDraw.Draw(label).text((0, 11), text, MUTED, font("sans", 10), anchor="ls")
            spot = (int(right) - 16, int(y + (height - long) / 2) + 9)
            image.paste(label.transpose(Image.Transpose.ROTATE_270), spot)


def _title(draw: Any, shown: Any) -> None:
    """A matrix' name, elided to the room that it has, and its shape if that fits too."""
    matrix, name = shown.slot.matrix, pretty(shown.slot.local)
    serif, small = font("serif", 13), font("sans", 9)
    y = shown.y - BOARD["title_above"] - CONTROLS * has_tools(matrix.shape)
    if shown.tile is not None:
        text = f"{matrix.axes[-3] or 'slice'} {shown.tile}"
        if draw.textlength(text, small) > shown.width + 8:
            text = str(shown.tile)
        draw.text((shown.x, shown.y - 3), text, MUTED, small, anchor="ls")
        y -= TILE
        if shown.tile:
            return
    which = ", ".join(f"{matrix.axes[axis] or f'axis {axis}'} 0" for axis in stepped(matrix.shape))
    if draw.textlength(which, small) <= shown.room + BOARD["shape_overhang"]:
        draw.text((shown.x, y + 17), which, MUTED, small, anchor="ls")
    room = shown.room + BOARD["title_overhang"]
    if draw.textlength(name, serif) > room:
        while len(name) > 1 and draw.textlength(f"{name}…", serif) > room:
            name = name[:-1]
        name += "…"
    draw.text((shown.x, y), name, INK, serif, anchor="ls")
    if shown.lane != "values":
        return  # a gradient has its matrix' shape; written once, the file stays small
    size = "×".join(map(str, matrix.shape))
    after = draw.textlength(name, serif) + 4
    if after + draw.textlength(size, small) <= shown.room + BOARD["shape_overhang"]:
        draw.text((shown.x + after, y), size, MUTED, small, anchor="ls")


def _seen(shown: Any) -> Any:
    """The part of a matrix that its place has room for, as rows and columns."""
    matrix = shown.slot.matrix
    buffer = matrix.buffer.reshape((1,) * max(0, 2 - matrix.buffer.ndim) + matrix.shape)
    part = buffer[_slice(shown)]
    wide, high = shown.cell
    return part[: max(1, int(shown.height // high)), : max(1, int(shown.width // wide))]


def _slice(shown: Any) -> tuple[int, ...]:
    """The slice of a matrix that a place shows: the first, but for those side by side."""
    lead = [0] * max(0, len(shown.slot.matrix.shape) - 2)
    if shown.tile is not None:
        lead[-1] = shown.tile
    return tuple(lead)


def _paint(pixels: Pixels, shown: Any, scale: float, selection: Any) -> None:
    matrix, part = shown.slot.matrix, _seen(shown)
    wide, high = shown.cell
    rows, columns = part.shape
    top, left = int(shown.y), int(shown.x)
    block = pixels[top : top + rows * high, left : left + columns * wide]
    if not matrix.ready:
        block[...] = 255
        block[::high] = block[:, ::wide] = block[-1:] = block[:, -1:] = _rgb(BOARD["picture_grid"])
        return
    cells = coloured(part, scale, matrix.unit)
    block[...] = np.repeat(np.repeat(cells, high, axis=0), wide, axis=1)[
        : block.shape[0], : block.shape[1]
    ]
    if min(wide, high) >= BOARD["gap_from"]:
        block[high - 1 :: high] = 255
        block[:, wide - 1 :: wide] = 255
    picked = selection is not None and selection[0] == matrix.name
    if picked and tuple(selection[1][:-2]) == _slice(shown):
        row, column = (0, 0, *selection[1])[-2:]
        if row < rows and column < columns:
            y, x = max(0, top + row * high - 2), max(0, left + column * wide - 2)
            frame = pixels[y : y + high + 3, x : x + wide + 3]
            frame[:2] = frame[-2:] = frame[:, :2] = frame[:, -2:] = _rgb(INK)


def is_dark(colour: Any) -> bool:
    """Whether a number on a colour is written light: its luminance (WCAG 2) is low."""
    share = np.asarray(colour, dtype=np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722)) < BOARD["dark_below"]


def _numbers(draw: Any, shown: Any, scale: float) -> None:
    """Numbers inside cells, as the page writes them."""
    part = _seen(shown)
    wide, high = shown.cell
    own = font("sans", BOARD["number_size"])
    background = coloured(part, scale, shown.slot.matrix.unit)
    for (row, column), value in np.ndenumerate(part):
        text = cell_text(float(value), scale, lambda t: draw.textlength(t, own) <= wide - 2)
        ink = BOARD["on_dark" if is_dark(background[row, column]) else "on_light"]
        spot = shown.x + (column + 0.5) * wide - 0.5, shown.y + (row + 0.5) * high - 0.5
        draw.text(spot, text, ink, own, anchor="mm")
