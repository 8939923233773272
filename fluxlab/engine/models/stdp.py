"""Spike-timing dependent plasticity: whether a synapse grows depends on which spike came first."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.building.building import keep
from fluxlab.engine.catalogue.ops import add, multiply, reshape, same, subtract, sum
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.numbers import Array, as_numbers, bounded
from fluxlab.engine.readers.backward import check_learning_rate
from fluxlab.engine.running.history import History
from fluxlab.engine.tracing import Trace


def _window(d: Any, strengthen: float, weaken: float, tau: float) -> Any:
    fall = np.exp(-np.abs(d) / tau)
    return np.where(d < 0, strengthen, np.where(d > 0, -weaken, 0.0)) * fall


def _slope(d: Any, strengthen: float, weaken: float, tau: float) -> Any:
    fall = np.exp(-np.abs(d) / tau)
    return np.where(d < 0, strengthen, np.where(d > 0, weaken, 0.0)) * fall / tau


def _op(name: str, rule: Any, slope: Any, **texts: Any) -> Elementwise:
    def calls(out: Array, d: Array, **figures: float) -> list[tuple[Any, ...]]:
        return [(lambda: np.copyto(out, rule(d, **figures)),)]

    return Elementwise(name, lambda d, **f: float(rule(d, **f)), calls, (slope,), **texts)


_window_slope = _op(
    "stdp_window_slope", _slope, None,
    latex=r"\frac{1}{<tau>} e^{-|<0>| / <tau>} \cdot (<strengthen> \text{ or } <weaken>)",
    numpy="np.where(<0> < 0, <strengthen>, np.where(<0> > 0, <weaken>, 0))"
    " * np.exp(-np.abs(<0>) / <tau>) / <tau>",
    words="how steep the window is at <0>: rising on both sides, with a fall at 0 between them",
)  # fmt: skip
_window_op = _op(
    "stdp_window", _window, lambda out, d, **figures: _window_slope(d, **figures),
    latex=r"e^{-|<0>| / <tau>} \cdot (<strengthen> \text{ if } <0> < 0,\;"
    r" -<weaken> \text{ if } <0> > 0)",
    numpy="np.where(<0> < 0, <strengthen>, np.where(<0> > 0, -<weaken>, 0))"
    " * np.exp(-np.abs(<0>) / <tau>)",
    words="<strengthen> where <0> is negative (pre before post), -<weaken> where it is positive "
    "(post before pre), less the further apart the spikes are",
)  # fmt: skip


def stdp_window(
    delay: Any, *, strengthen: float = 0.1, weaken: float = 0.12, tau: float = 20.0
) -> Any:
    """The change of a synapse for one pair of spikes, from delay = t_pre - t_post in ms.

    Pre before post is a *negative* delay and strengthens: `strengthen * exp(delay / tau)`. Post
    before pre is positive and weakens: `-weaken * exp(-delay / tau)`. Nothing at 0. (Song, Miller
    and Abbott, 2000; the common slip is to draw it the other way round on this axis.)
    """
    for name, figure in (("strengthen", strengthen), ("weaken", weaken), ("tau", tau)):
        least, above = (None, 0) if name == "tau" else (0, None)
        bounded("stdp_window", name, figure, least=least, above=above)
    return _window_op(delay, strengthen=strengthen, weaken=weaken, tau=tau)


def stdp(
    pre: Any, post: Any, *, w: float = 0.5, learning_rate: float = 1.0, strengthen: float = 0.1,
    weaken: float = 0.12, tau: float = 20.0,
) -> Trace:  # fmt: skip
    """One synapse with the spike times of its two neurons, in ms; each iteration is one run.

    Parameters
    ----------
    pre, post : spike times before and after the synapse, one list each.
    w : the synapse's strength to start from. strengthen, weaken, tau : see `stdp_window`.

    `delay` holds t_pre - t_post for every pair, (pre spikes, post spikes), `change` what the
    window makes of it; its sum, times the learning rate, is added to w. The result C is the
    strength after the run, so dC_dpre says what a later spike would have done to it.
    """
    times = {"pre": as_numbers("stdp", "pre", pre), "post": as_numbers("stdp", "post", post)}
    for name, found in times.items():
        if found.ndim != 1:
            raise BadInput(f"stdp: {name} must be a list of spike times, got {size(found.shape)}.")
    strength = as_numbers("stdp", "w", w)
    if strength.ndim:
        raise BadInput(f"stdp: w must be one number, got {size(strength.shape)}.")
    rate = check_learning_rate("stdp", learning_rate)
    trace = Trace("STDP at one synapse")
    before = trace.input("pre", times["pre"], axes=("pre spike",))
    after = trace.input("post", times["post"], axes=("post spike",))
    W = trace.input("w", strength, "parameter")
    eta = trace.input("learning rate", rate)
    eta.wants_gradient = False
    column = reshape(before, (-1, 1)).named("t pre", axes=("pre spike", None))
    delay = subtract(column, after).named("delay", axes=("pre spike", "post spike"))
    change = stdp_window(delay, strengthen=strengthen, weaken=weaken, tau=tau).named("change")
    change_of_w = multiply(eta, sum(change).named("sum of changes")).named("change of w")
    trace.finish(add(W, change_of_w))
    trace.backward()
    with trace.recording("update", ""):
        keep(W, same(trace.cost))
    trace.history = History(trace)
    return trace


def EXAMPLE() -> Trace:
    """Three spikes before and two after; most pairs come in the order that strengthens."""
    return stdp([2.0, 21.0, 50.0], [10.0, 33.0])
