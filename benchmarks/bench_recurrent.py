"""An LSTM, forward and backward, against hand-tight NumPy and PyTorch in the same run."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import numpy as np
import peers_recurrent
from measure import Row, Section, ratio, side_by_side

import fluxlab as fl
from fluxlab.engine.running.plan import Plan

PASSES = 20  # per measurement
FORMS = {
    "hand-tight NumPy": peers_recurrent.tight_lstm,
    "PyTorch eager": peers_recurrent.torch_lstm,
}


def lstm(repeats: int = 60) -> Section:
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(8, 32, 16)), draw.normal(size=(8, 32, 32))
    trace = fl.Network([fl.LSTM(32)], x, target, cost="mse").trace
    wanted = [trace[f"layer 1/dC_d{name}"] for name in "wub"]
    plan = Plan(trace, wanted)
    parameters = [trace[f"layer 1/{name}"].value for name in "wub"]
    made: dict[str, peers_recurrent.Peer] = {}
    for name, form in FORMS.items():
        try:
            made[name] = form(x, target, *parameters)
        except ImportError:
            print(f"{name}: not installed, so not compared")
    plan.run()
    rows = []
    for name, (run, gradients) in made.items():
        run(1)
        worst = max(
            float(abs(theirs - own.buffer).max())
            for theirs, own in zip(gradients(), wanted, strict=True)
        )
        what = f"largest difference of any cell of dC_dw, dC_du, dC_db from {name}"
        rows.append(Row(what, f"{worst:.0e}", "at most 1e-12", worst <= 1e-12))
        assert worst <= 1e-12, rows[-1]

    def loop(name: str) -> Callable[[], object]:
        return lambda: made[name][0](PASSES)

    runs = {name: loop(name) for name in made} | {"FluxLab": lambda: plan.run(PASSES)}
    for run_once in runs.values():
        run_once()
    times = side_by_side(runs, repeats)
    for name, taken in times.items():
        middle, best = (f(taken) / PASSES * 1e6 for f in (median, min))
        rows.append(Row(f"{name}: one pass", f"{middle:,.0f} µs (best {best:,.0f})"))
    tight = "hand-tight NumPy"
    slower = ratio(times["FluxLab"], times[tight])
    demand = "at most 1.5 times"
    rows.append(Row(f"FluxLab / {tight}", f"{slower:.2f} times", demand, slower <= 1.5))
    if "PyTorch eager" in times:
        faster = ratio(times["PyTorch eager"], times["FluxLab"])
        rows.append(Row("PyTorch eager / FluxLab", f"{faster:.1f} times"))
    return Section(
        "LSTM, forward and backward: 32 steps, 16 features, 32 neurons, batch 8, float64",
        f"Every measurement is {PASSES} passes, {repeats} times, the peers taking turns; ratios "
        "are medians of neighbouring measurements. The cost is the mean squared error of the h of "
        "all steps; wanted are the gradients of w, u and b.",
        rows,
    )


def sections() -> list[Section]:
    return [lstm()]


if __name__ == "__main__":
    for section in sections():
        print(section.markdown())
