"""A contraction of any axes, however its matrices lie in memory, is what np.einsum says."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxlab.engine.core.kinds.products import product_calls

LENGTHS = {"a": 2, "b": 3, "c": 1, "i": 4, "j": 5, "m": 3, "n": 2, "k": 4, "l": 3}
BATCH, ROWS, COLUMNS, SUMMED = "abc", "ij", "mn", "kl"


def laid_out(names: str, layout: str, draw: np.random.Generator) -> Any:
    """Random numbers that lie in memory in one of several ways."""
    shape = tuple(LENGTHS[c] for c in names)
    if not shape:
        return np.array(draw.normal())
    if layout == "turned":
        return draw.normal(size=shape[::-1]).T
    if layout == "every second":
        return draw.normal(size=tuple(2 * n for n in shape))[(slice(None, None, 2),) * len(shape)]
    if layout == "backwards":
        return draw.normal(size=shape)[(slice(None, None, -1),) * len(shape)]
    if layout == "repeated":
        return np.broadcast_to(draw.normal(size=(*shape[:-1], 1)), shape)
    if layout == "part of a wider one":
        return draw.normal(size=(*shape[:-1], shape[-1] + 3))[..., 1:-2]
    return draw.normal(size=shape)


LAYOUTS = ["plain", "turned", "every second", "backwards", "repeated", "part of a wider one"]


def some(letters: str) -> Any:
    return st.lists(st.sampled_from(letters), unique=True).map("".join)


@settings(max_examples=400, deadline=None)
@given(some(BATCH), some(ROWS), some(COLUMNS), some(SUMMED), st.data())
def test_every_contraction_equals_einsum(
    batch: str, rows: str, columns: str, summed: str, data: Any
) -> None:
    left, right, target = (
        "".join(data.draw(st.permutations(names)))
        for names in (batch + rows + summed, batch + columns + summed, batch + rows + columns)
    )
    draw = np.random.default_rng(len(left) + 7 * len(right))
    a = laid_out(left, data.draw(st.sampled_from(LAYOUTS)), draw)
    b = laid_out(right, data.draw(st.sampled_from(LAYOUTS)), draw)
    out = np.array(laid_out(target, "plain", draw))
    if data.draw(st.booleans()):
        out = laid_out(target, data.draw(st.sampled_from(["turned", "every second"])), draw)
    before = a.copy(), b.copy()
    calls = product_calls(left, right, target, a, b, out)
    expected = np.einsum(f"{left},{right}->{target}", a, b)
    for _ in range(2):  # a call leaves nothing behind that the next one would add to
        out[...] = np.nan
        for call in calls:
            call()
        np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@pytest.mark.parametrize(
    ("left", "right", "target"),
    [
        ("sti", "io", "sto"), ("sti", "sto", "io"), ("sto", "io", "sti"),
        ("sqhd", "skhd", "shqk"), ("shqk", "skhd", "sqhd"), ("shqk", "sqhd", "skhd"),
    ],
)  # fmt: skip
def test_what_attention_multiplies_needs_one_call_and_no_memory(
    left: str, right: str, target: str
) -> None:
    sizes = {"s": 4, "t": 32, "i": 48, "o": 40, "q": 32, "k": 24, "h": 4, "d": 12}
    draw = np.random.default_rng(0)
    a, b = (draw.normal(size=[sizes[c] for c in names]) for names in (left, right))
    out = np.empty([sizes[c] for c in target])
    calls = product_calls(left, right, target, a, b, out)
    assert len(calls) == 1
    calls[0]()
    np.testing.assert_allclose(out, np.einsum(f"{left},{right}->{target}", a, b), rtol=1e-10)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(10):
        calls[0]()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 1500, "the smallest of these matrices has 11,520 bytes"
