"""The session: one selection, one lock, one player; nothing is left running, nothing is lost."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.widgets.shared import session as sessions
from fluxlab.widgets.shared.base import View
from fluxlab.widgets.shared.session import Session, session_of


class Look(View):
    """A view that notes what it is told."""

    def __init__(self, thing: Any) -> None:
        self.told: list[str] = []
        super().__init__(thing)

    def refresh(self, what: str) -> None:
        self.told.append(what)


@pytest.fixture
def trace() -> Any:
    t = fl.trace(lambda x, w: fl.tanh(x @ w), x=np.ones((3, 2)), w=np.full((2, 4), 0.5))
    t.backward()
    return t


@pytest.fixture
def session(trace: Any) -> Iterator[Session]:
    found = session_of(trace)
    yield found
    found.stop()


def players() -> int:
    return sum(t.name == "fluxlab-player" and t.is_alive() for t in threading.enumerate())


def until(test: Any, seconds: float = 3.0) -> None:
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_one_session_per_trace(trace: Any, session: Session) -> None:
    assert session_of(trace) is session
    assert session_of(session) is session
    net = fl.form_network([2, 1], [[0.0, 1.0]], [[1.0]])
    assert session_of(net) is session_of(net.trace)
    assert session.id != session_of(net).id


def test_refuses_what_is_no_trace() -> None:
    with pytest.raises(fl.BadInput, match="form_network"):
        session_of(3)


def test_selection_reaches_every_view(trace: Any, session: Session) -> None:
    one, two = Look(trace), Look(session)
    session.select("dC_dw", (1, 3))
    assert session.selection == ("dC_dw", (1, 3))
    assert one.told == two.told == ["selection"]
    session.select("x", (2, 1), follow=True)
    session.select("w", (0, 3), follow=True)
    session.select("x", (2, 1), follow=True)  # back along the trail
    assert session.trail == [("dC_dw", (1, 3)), ("x", (2, 1))]
    session.clear()
    assert session.selection is None


@pytest.mark.parametrize("index", [(2, 0), (0, 4), (-1, 0), (0,), ()])
def test_refuses_cells_that_are_not_there(session: Session, index: tuple[int, ...]) -> None:
    with pytest.raises(fl.BadInput, match="2×4; it has no cell"):
        session.select("dC_dw", index)
    assert session.selection is None


def test_an_exception_in_refresh_is_shown_and_the_others_are_told(trace: Any) -> None:
    class Broken(Look):
        def refresh(self, what: str) -> None:
            raise ValueError("no such thing")

    broken, fine = Broken(trace), Look(trace)
    broken.session.changed("values")
    assert "no such thing" in broken.error
    assert fine.told == ["values"]
    assert fine.error == ""


def test_plays_and_stops(session: Session) -> None:
    count = 0

    def step() -> bool:
        nonlocal count
        count += 1
        return True

    session.play(step)
    until(lambda: count > 5)
    assert session.playing
    session.stop()
    assert not session.playing
    seen = count
    time.sleep(0.03)
    assert count == seen


def test_ends_by_itself(trace: Any, session: Session) -> None:
    view = Look(trace)
    session.play(lambda: False)
    until(lambda: not session.playing)
    until(lambda: players() == 0)
    assert view.told[-1] == "values"


def test_a_second_play_replaces_the_first(session: Session) -> None:
    counts = [0, 0]

    def counting(which: int) -> Any:
        def step() -> bool:
            counts[which] += 1
            return True

        return step

    with session.lock:  # as in a callback: the first loop cannot end before the second begins
        session.play(counting(0))
        session.play(counting(1))
    until(lambda: counts[1] > 5)
    until(lambda: players() == 1)
    first = counts[0]
    time.sleep(0.03)
    assert counts[0] == first
    assert session.playing
    session.stop()
    until(lambda: players() == 0)


def test_stop_takes_effect_while_another_thread_holds_the_lock(session: Session) -> None:
    count = 0

    def step() -> bool:
        nonlocal count
        count += 1
        return True

    session.play(step)
    until(lambda: count > 2)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with session.lock:
            held.set()
            release.wait(60)

    busy = threading.Thread(target=hold)
    busy.start()
    assert held.wait(2)
    seen = count
    session.stop()
    assert busy.is_alive(), "Stop does not wait for who holds the lock"
    assert not session.playing
    release.set()
    busy.join()
    until(lambda: players() == 0)
    assert count == seen


def test_stop_while_a_cell_computes(session: Session) -> None:
    """Python code that never waits holds the interpreter; Stop still comes through."""
    going = True
    session.play(lambda: True)

    def compute() -> None:
        while going:
            sum(range(1000))

    cell = threading.Thread(target=compute)
    cell.start()
    try:
        session.stop()
        assert cell.is_alive()
        assert not session.playing
    finally:
        going = False
        cell.join()


def test_player_and_cells_never_race(session: Session) -> None:
    """A step sees what it left, unless a holder of the lock changed it."""
    inside, clashes = 0, 0

    def step() -> bool:
        nonlocal inside, clashes
        inside += 1
        clashes += inside != 1
        time.sleep(0.001)
        inside -= 1
        return True

    session.play(step)
    for _ in range(50):
        with session.lock:
            step()
    session.stop()
    assert clashes == 0


def test_a_failing_step_is_shown(trace: Any, session: Session) -> None:
    view, failures = Look(trace), []

    def fails() -> bool:
        raise OverflowError("the cost became infinite")

    session.play(fails, failed=failures.append)
    until(lambda: len(failures) == 1)
    assert not session.playing
    session.play(fails)
    until(lambda: "infinite" in view.error)


def test_a_cell_run_twice_leaves_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    now: list[Any] = [None]
    monkeypatch.setattr(sessions, "_current_cell", lambda: now[0])

    def run(cell: str, count: int) -> Session:
        now[0] = (cell, count)
        t = fl.trace(lambda x: fl.tanh(x), x=[[1.0, 2.0]])
        made = session_of(t)
        made.play(lambda: True)
        return made

    first = run("a", 1)
    now[0] = ("b", 2)
    session_of(first)  # another cell looks at it too
    second = run("a", 3)
    assert not first.playing
    assert second.playing
    other = run("c", 4)
    assert second.playing  # another cell's player goes on
    run("a", 5).stop()
    assert not second.playing
    other.stop()
    until(lambda: players() == 0)


def test_nothing_keeps_a_trace_alive() -> None:
    t = fl.trace(lambda x: fl.tanh(x), x=[[1.0, 2.0]])
    kept = weakref.ref(session_of(t))
    del t
    gc.collect()
    assert kept() is None


def test_pages_are_counted(trace: Any) -> None:
    view = Look(trace)
    for page in "ab":
        view._receive(view, {"type": "ready", "page": page}, [])
    view._receive(view, {"type": "gone", "page": "a"}, [])
    assert view.shown
    view._receive(view, {"type": "gone", "page": "b"}, [])
    assert not view.shown
