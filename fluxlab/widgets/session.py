"""What the widgets of one trace share: the selected cell, the lock, and one player."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

_by_cell: dict[str, weakref.WeakSet[Session]] = {}

FRAME = 1 / 30  # a page is told at most 30 times a second while something runs
CHUNK = 0.02  # seconds that the player holds the lock at a time


class Session:
    """Shared state of all widgets that look at one trace.

    Attributes
    ----------
    trace : Trace
    lock : the trace's own lock; take it around anything that reads or writes numbers.
    selection : (matrix name, index) or None. Set it with `select`.
    trail : the selections that led here, the oldest first, this one last.
    playing : whether a player runs.
    """

    def __init__(self, trace: Any, title: str) -> None:
        self.trace = trace
        self.title = title
        self.id = f"{id(self):x}"
        self.lock = trace.lock
        self.views: weakref.WeakSet[Any] = weakref.WeakSet()
        self.selection: tuple[str, tuple[int, ...]] | None = None
        self.trail: list[tuple[str, tuple[int, ...]]] = []
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self.cell: tuple[str, int] | None = None

    def changed(self, what: str) -> None:
        """Tell every view: "values", "position", "selection" or "layout" changed."""
        for view in list(self.views):
            view.guard(lambda view=view: view.refresh(what))

    def select(self, matrix: str, index: tuple[int, ...], follow: bool = False) -> None:
        """Select one cell everywhere. `follow` keeps the trail (a click inside an explanation)."""
        found = self.trace[matrix]
        index = tuple(int(i) for i in index)
        if len(index) != len(found.shape) or any(
            not 0 <= i < n for i, n in zip(index, found.shape, strict=True)
        ):
            raise IndexError(f"{found.name} has shape {found.shape}; it has no cell {index}.")
        cell = (found.name, index)
        if follow and cell in self.trail:
            self.trail = self.trail[: self.trail.index(cell) + 1]
        elif follow:
            self.trail = [*self.trail[-19:], cell]
        else:
            self.trail = [cell]
        self.selection = cell
        self.changed("selection")

    def clear(self) -> None:
        """Select nothing."""
        self.selection, self.trail = None, []
        self.changed("selection")

    @property
    def playing(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def play(
        self,
        step: Callable[[], bool],
        pause: Callable[[], float] = lambda: 0.0,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Call `step()` again and again until it returns False or `stop` is called.

        Each call holds the lock and should take at most CHUNK seconds. `pause()` gives the
        seconds to wait between calls. A second `play` replaces the first: there is never more
        than one loop on one trace.
        """
        self.stop()
        halt = self._stop = threading.Event()

        def loop() -> None:
            shown = 0.0
            try:
                while not halt.is_set():
                    with self.lock:
                        if halt.is_set():
                            break
                        goes_on = step()
                        now = time.perf_counter()
                        if now - shown >= FRAME or not goes_on:
                            shown = now
                            self.changed("values")
                    if not goes_on:
                        break
                    halt.wait(max(pause(), 0.0005))
            except Exception as problem:
                if failed is None:
                    raise
                failed(problem)
            finally:
                halt.set()
                if self._stop is halt:  # no newer player has taken over
                    self._thread = None
                self.changed("values")

        self._thread = threading.Thread(target=loop, name="fluxlab-player", daemon=True)
        self._thread.start()
        self.changed("position")

    def stop(self) -> None:
        """Stop the player and wait until it has let go (one chunk at most)."""
        thread, halt = self._thread, self._stop
        if halt is not None:
            halt.set()
        if thread is not None and thread is not threading.current_thread():
            # The player needs the lock to finish its chunk; whoever holds it must not wait here.
            held = self.lock_is_mine()
            if not held:
                thread.join(timeout=1.0)

    def lock_is_mine(self) -> bool:
        """Whether the calling thread holds the lock."""
        return bool(self.lock._is_owned())


def session_of(thing: Any) -> Session:
    """The one session of a Network, a Trace or a Session.

    A cell that is run again stops the players that its former run left behind.
    """
    if isinstance(thing, Session):
        session = thing
    else:
        trace = getattr(thing, "trace", thing)
        if not hasattr(trace, "steps"):
            raise TypeError(
                f"A widget got {type(thing).__name__}; it expects what form_network(...) or "
                "trace(...) returned."
            )
        # Kept on the trace itself, so that the two live and die together.
        session = vars(trace).get("session") or vars(trace).setdefault(
            "session", Session(trace, repr(thing))
        )
    _remember_cell(session)
    return session


def _remember_cell(session: Session) -> None:
    here = _current_cell()
    if here is None:
        return
    cell, count = here
    session.cell = here
    for other in list(_by_cell.setdefault(cell, weakref.WeakSet())):
        if other.cell is not None and other.cell[0] == cell and other.cell[1] < count:
            other.stop()
            _by_cell[cell].discard(other)
    _by_cell[cell].add(session)


def _current_cell() -> tuple[str, int] | None:
    """(JupyterLab's cell id, execution count) of the running cell, or None outside Jupyter."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else None
    cell = (parent or {}).get("metadata", {}).get("cellId")
    return (cell, shell.execution_count) if cell else None
