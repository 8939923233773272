"""What the widgets of one trace share: the selected cell, the lock, and one player."""

from __future__ import annotations

import threading
import time
import uuid
import weakref
from collections.abc import Callable
from typing import Any

from fluxlab.engine.core.errors import BadInput, size

_by_cell: dict[str, weakref.WeakSet[Session]] = {}  # notebook cell -> the sessions it made
_forming = threading.Lock()
_sessions: weakref.WeakSet[Session] = weakref.WeakSet()  # for `_after_cell`

FRAME = 1 / 30  # a page is told at most 30 times a second while something runs
CHUNK = 0.02  # seconds that the player holds the lock at a time
GAP = 0.001  # seconds that it leaves the lock to others between two steps
WAIT = 0.15  # seconds that `stop` waits at most; the player is halted all the same


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
        self.id = uuid.uuid4().hex[:12]
        self.lock = trace.lock
        self.views: weakref.WeakSet[Any] = weakref.WeakSet()
        self.selection: tuple[str, tuple[int, ...]] | None = None
        self.trail: list[tuple[str, tuple[int, ...]]] = []
        self.cells: dict[str, int] = {}  # notebook cells that made a view of it, and their runs
        self._seen = trace.version  # what the views were last told of
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def changed(self, what: str) -> None:
        """Tell every view: "values", "position", "selection" or "layout" changed.

        What a view raises is shown in that view; the others are told all the same.
        """
        with self.lock:  # no view is added or dropped meanwhile
            if self.selection is not None and not self._exists(*self.selection):
                self.selection, self.trail = None, []  # other samples, or another network
            self._seen = self.trace.version
            for view in list(self.views):
                view.guard(lambda view=view: view.refresh(what))

    def catch_up(self) -> None:
        """Tell the views of what was changed without a widget, such as by `fl.learn(net)`."""
        if self.trace.version != self._seen:
            self.changed("values")

    def _exists(self, matrix: str, index: tuple[int, ...]) -> bool:
        shape = self.trace[matrix].shape if matrix in self.trace else None
        return (
            shape is not None
            and len(index) == len(shape)
            and all(0 <= i < n for i, n in zip(index, shape, strict=True))
        )

    def select(self, matrix: str, index: tuple[int, ...], follow: bool = False) -> None:
        """Select one cell everywhere. `follow` keeps the trail (a click inside an explanation)."""
        found = self.trace[matrix]
        index = tuple(int(i) for i in index)
        if not self._exists(found.name, index):
            raise BadInput(f"select: {found.name} is {size(found.shape)}; it has no cell {index}.")
        cell = (found.name, index)
        if follow and cell in self.trail:
            self.trail = self.trail[: self.trail.index(cell) + 1]
        elif follow:
            self.trail = [*self.trail[-19:], cell]
        else:
            self.trail = [cell]
        self.selection = cell
        self.changed("selection")

    def edit(self, matrix: str, index: tuple[int, ...], value: float) -> None:
        """Set one number exactly; all that depends on it follows, in every view."""
        found = self.trace[matrix]
        if not self._exists(found.name, tuple(index)):
            raise BadInput(f"{found.name} is {size(found.shape)}; it has no cell {tuple(index)}.")
        if found.local == "learning rate" and not value > 0:
            raise BadInput(f"The learning rate must be above 0, got {value}; the old number stays.")
        with self.lock:
            self.trace.set(found.name, value, tuple(index))
            self.changed("values")

    def clear(self) -> None:
        """Select nothing."""
        self.selection, self.trail = None, []
        self.changed("selection")

    @property
    def playing(self) -> bool:
        thread, halt = self._thread, self._stop
        return thread is not None and thread.is_alive() and not (halt is None or halt.is_set())

    def play(
        self,
        step: Callable[[], bool],
        pause: Callable[[], float] = lambda: 0.0,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Call `step()` again and again until it returns False or `stop` is called.

        Each call holds the lock and should take at most CHUNK seconds. `pause()` gives the
        seconds to wait between calls. A second `play` replaces the first: there is never more
        than one loop on one trace. An exception ends the loop and goes to `failed`; without it
        every view shows it.
        """
        self.stop()
        halt = threading.Event()

        def loop() -> None:
            shown = 0.0
            try:
                while not halt.is_set():
                    with self.lock:
                        if halt.is_set():  # stopped while another thread held the lock
                            break
                        goes_on = step()
                        now = time.perf_counter()
                        if now - shown >= FRAME:
                            self.changed("values")
                            shown = time.perf_counter()
                    if not goes_on:
                        break
                    halt.wait(max(pause(), GAP))
            except Exception as problem:
                halt.set()
                (failed or self._show)(problem)
            finally:
                halt.set()
                with self.lock:
                    if self._thread is threading.current_thread():
                        self._thread = None
                    self.changed("values")

        with self.lock:
            self._stop = halt
            self._thread = threading.Thread(target=loop, name="fluxlab-player", daemon=True)
            self._thread.start()
            self.changed("position")

    def _show(self, problem: Exception) -> None:
        """A player's failure, in every view."""

        def fail() -> None:
            raise problem

        for view in list(self.views):
            view.guard(fail)

    def halt(self) -> None:
        """Let the player take no further step. Never waits, so a busy lock does not delay it."""
        halt = self._stop
        if halt is not None:
            halt.set()

    def stop(self) -> None:
        """Stop the player, and wait for the step that it is in (one chunk).

        Whoever holds the lock does not wait: the player needs it to finish, and takes no
        further step once it gets it.
        """
        self.halt()
        thread = self._thread
        if thread is None or thread is threading.current_thread() or self.lock_is_mine():
            return
        thread.join(timeout=WAIT)

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
            raise BadInput(
                f"A widget got {type(thing).__name__}; it expects what form_network(...) or "
                "trace(...) returned."
            )
        # Kept on the trace itself, so that the two live and die together.
        with _forming:
            found = vars(trace).get("session")
            if found is None:
                found = vars(trace).setdefault("session", Session(trace, _title(thing)))
                trace.watchers.append(found.catch_up)
        session = found
    _sessions.add(session)
    _remember_cell(session)
    return session


def _title(thing: Any) -> str:
    return repr(thing) if hasattr(thing, "trace") else f"trace of {thing.title}"


def _remember_cell(session: Session) -> None:
    """Note which cell looks at `session`; stop what that cell's former run left playing."""
    here = _current_cell()
    if here is None:
        return
    cell, run = here
    with _forming:
        former = [s for s in _by_cell.get(cell, ()) if s.cells.get(cell, run) < run]
        _by_cell.setdefault(cell, weakref.WeakSet()).add(session)
        session.cells[cell] = run
        for other in former:
            if other is not session:
                _by_cell[cell].discard(other)
                other.cells.pop(cell, None)
    for other in former:
        other.stop()


def _after_cell(*_: Any) -> None:
    """IPython calls this after each cell: what the cell has changed appears in every widget."""
    for session in list(_sessions):
        session.catch_up()


def _watch_cells(shell: Any) -> None:
    """Have `_after_cell` called, once per shell."""
    if _after_cell not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _after_cell)


def _current_cell() -> tuple[str, int] | None:
    """(JupyterLab's cell id, execution count) of the running cell, or None outside Jupyter."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    if shell is not None:
        _watch_cells(shell)
    parent = shell.get_parent() if hasattr(shell, "get_parent") else None
    cell = (parent or {}).get("metadata", {}).get("cellId")
    return (cell, shell.execution_count) if cell else None
