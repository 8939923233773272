"""What every FluxLab widget shares: messages, errors in words, a picture without a kernel."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import is_number, is_whole
from fluxlab.widgets.shared import look
from fluxlab.widgets.shared.session import Session, session_of

SHARED = Path(__file__).parent


def script(home: Path, *names: str) -> str:
    """The ES module of one widget: the shared helpers, then its own code, from its folder."""
    files = (SHARED / "common.js", *(home / f"{name}.js" for name in names))
    return look.script() + "".join(file.read_text("utf-8") for file in files)


def style(home: Path, name: str) -> str:
    """The style sheet of one widget: the shared theme, then its own rules, if it has any."""
    files = (SHARED / "common.css", home / f"{name}.css")
    return look.style() + "".join(file.read_text("utf-8") for file in files if file.exists())


def in_words(problem: BaseException) -> str:
    """An exception as a student reads it: the message, and where in *their* code it happened."""
    text = str(problem) or type(problem).__name__
    own = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if "fluxlab" not in Path(frame.filename).parts
    ]
    where = f" (line {own[-1].lineno} of {own[-1].name})" if own else ""
    expected = type(problem).__module__.startswith("fluxlab")
    return text if expected else f"{type(problem).__name__}: {text}{where}"


def _is_index(value: object) -> bool:
    return isinstance(value, list) and all(is_whole(i) and i >= 0 for i in value)


# What an argument of a message may be, by the annotation of the method that takes it.
KINDS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: is_whole(value) and abs(value) < 2**53,
    "float": is_number,
    "float | None": lambda value: value is None or is_number(value),
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "list[int]": _is_index,
    "Any": lambda value: True,
}


def _call(handler: Callable[..., None], arguments: dict[str, Any]) -> Callable[[], None]:
    """The call that a message asks for; BadInput if its arguments are not what the method takes."""
    takes = inspect.signature(handler).parameters
    needed = {name for name, argument in takes.items() if argument.default is argument.empty}
    fits = (
        needed <= arguments.keys() <= takes.keys()
        and all(KINDS[str(takes[name].annotation)](value) for name, value in arguments.items())
    )  # fmt: skip
    if not fits:
        raise BadInput(
            "The page sent what this widget does not understand, and nothing was changed. Reload "
            "the page; if that does not help, run the cell again."
        )
    return lambda: handler(**arguments)


class Widget(anywidget.AnyWidget):
    """A widget of our own.

    A message `{"type": "select", "matrix": ...}` from the page calls `on_select(matrix=...)`.
    Whatever it raises is shown in the widget, in words.
    """

    error = traitlets.Unicode("").tag(sync=True)
    name = ""
    scripts: tuple[str, ...] = ()  # what else stands before NAME.js, in the same folder

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in vars(cls):  # anywidget derives a class per widget; it has no name of its own
            home = Path(inspect.getfile(cls)).parent
            cls._esm = script(home, *cls.scripts, cls.name)
            cls._css = style(home, cls.name)

    def __init__(self) -> None:
        self.shown = False  # whether a page shows this widget: else nothing needs sending
        self._pages: set[str] = set()
        super().__init__()
        self.on_msg(self._receive)

    def guard(self, action: Callable[[], None]) -> None:
        """Do it; if it fails, say so in the widget."""
        try:
            action()
        except Exception as problem:  # shown to the student, never lost
            self.error = in_words(problem)

    def _receive(self, _widget: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        message = dict(content) if isinstance(content, dict) else {}
        kind = message.pop("type", "")
        page = message.pop("page", None)
        if isinstance(page, str):
            self._count(kind, page)
        # Only methods of our own: ipywidgets has some that begin alike, such as on_msg.
        mine = any(
            f"on_{kind}" in vars(cls) for cls in type(self).__mro__ if issubclass(cls, Widget)
        )
        if not mine:
            return
        if self.error and kind != "ready":  # the student does something else now
            self.error = ""
        self.guard(lambda: _call(getattr(self, f"on_{kind}"), message)())

    def _count(self, kind: str, page: str) -> None:
        """Keep count of the views that are on screen (`hello` in common.js)."""
        if kind == "gone":
            self._pages.discard(page)
            self.shown = bool(self._pages)
        else:
            self._pages.add(page)

    # Without a kernel: a static picture and a text form of the same state.

    def picture(self) -> bytes | None:
        """A PNG of what the widget shows now, or None if text says it all."""
        return None

    def text(self) -> str:
        """What the widget shows, as text; stable from run to run."""
        return type(self).__name__

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_fallback(super()._repr_mimebundle_(**kwargs), self)


class View(Widget):
    """A widget that looks at one trace; its messages are handled under the trace's lock.

    A subclass sends what it shows from `refresh`, which the session calls after each change.
    """

    def __init__(self, thing: Any) -> None:
        """`thing` is a Network, a Trace, or the Session that other widgets share."""
        self.session: Session = session_of(thing)
        super().__init__()
        self.session.views.add(self)

    @property
    def trace(self) -> Any:
        return self.session.trace

    def on_ready(self) -> None:
        """A page shows this widget (again): send everything."""
        self.shown = True
        self.refresh("all")

    def refresh(self, what: str) -> None:
        """Send what changed: "all", "values", "position", "selection" or "layout"."""
        raise NotImplementedError

    def guard(self, action: Callable[[], None]) -> None:
        def locked() -> None:
            with self.session.lock:
                action()

        super().guard(locked)

    def text(self) -> str:
        return f"{type(self).__name__} of {self.session.title}"


def with_fallback(bundle: Any, view: Any) -> Any:
    """The widget's MIME bundle, with a picture and a text for pages that have no kernel."""
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    data = dict(data or {})
    data["text/plain"] = view.text()
    picture = view.picture()
    if picture is not None:
        data["image/png"] = picture
        metadata = {**metadata, "image/png": {"alt": data["text/plain"]}}  # nbconvert writes it
    return data, metadata
