"""Progress reports while a network learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Report = Callable[[int, float, int], object]  # iteration, cost, iterations done


def reporter(progress: Any, iterations: int) -> tuple[Report, Callable[[], None]]:
    if progress is True:
        from tqdm.auto import tqdm

        bar = tqdm(total=iterations, unit="it", desc="learn")

        def show(iteration: int, cost: float, done: int) -> None:
            bar.update(done - bar.n)
            bar.set_postfix_str(f"C = {cost:.6g}", refresh=False)

        return show, bar.close
    if callable(progress):
        return (lambda iteration, cost, done: progress(iteration, cost)), lambda: None
    return (lambda iteration, cost, done: None), lambda: None
