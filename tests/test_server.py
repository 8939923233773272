"""The server extension: found by Jupyter Server; no delay; pictures where no kernel runs."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import queue
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

from fluxlab import server


def test_jupyter_server_finds_it() -> None:
    where = Path(sys.prefix, "etc", "jupyter", "jupyter_server_config.d", "fluxlab.json")
    settings = json.loads(where.read_text("utf-8"))
    assert settings["ServerApp"]["jpserver_extensions"] == {"fluxlab.server": True}
    assert importlib.util.find_spec("fluxlab.server") is not None


def test_small_messages_leave_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Socket:
        def set_nodelay(self, on: bool) -> None:
            seen.append(on)

    async def opened(self: Any, kernel_id: str) -> None:
        seen.append(kernel_id)

    monkeypatch.setattr(KernelWebsocketHandler, "open", opened)
    server._send_without_delay()
    asyncio.run(KernelWebsocketHandler.open(Socket(), kernel_id="k"))  # type: ignore[arg-type]
    assert seen == [True, "k"]


VIEW, STATE = server.WIDGET, server.STATE


def notebook(**metadata: Any) -> dict[str, Any]:
    """Outputs: a widget with a text, one with nothing else, one with a picture, one printed."""
    data: list[dict[str, Any]] = [
        {VIEW: {"model_id": "a"}, "text/plain": "Board"},
        {VIEW: {"model_id": "b"}},
        {VIEW: {"model_id": "c"}, "text/plain": "Lab", "image/png": "..."},
    ]
    outputs = [{"output_type": "display_data", "data": each, "metadata": {}} for each in data]
    cells = [
        {"cell_type": "markdown", "source": "words"},
        {"cell_type": "code", "outputs": [{"output_type": "stream", "text": "7"}, *outputs]},
    ]
    return {"metadata": metadata, "cells": cells}


def shown(model: dict[str, Any]) -> list[list[str]]:
    """The forms that each output can be shown in."""
    outputs = model["content"]["cells"][1]["outputs"][1:]
    return [sorted(output["data"]) for output in outputs if not output["metadata"]]


class Jupyter:
    """A server whose notebook `live.ipynb` has a kernel, which knows some widgets."""

    def __init__(self, knows: Sequence[str] | None = ("a", "b", "c")) -> None:
        self.contents_manager = self.session_manager = self.kernel_manager = self
        self.stored, self.knows, self.open = notebook(), knows, 0

    async def get_session(self, path: str) -> dict[str, Any]:
        return {"kernel": {"id": path}}

    def get_kernel(self, name: str) -> Any:
        assert name == "live.ipynb"
        return self

    def client(self) -> Any:
        return self

    def start_channels(self, **which: bool) -> None:
        self.open += 1

    def stop_channels(self) -> None:
        self.open -= 1

    def comm_info(self, target_name: str) -> str:
        return "asked"

    async def get_shell_msg(self, timeout: float) -> dict[str, Any]:
        if self.knows is None:
            raise queue.Empty
        return {
            "parent_header": {"msg_id": "asked"},
            "content": {"comms": {name: {} for name in self.knows}},
        }

    async def get(self, path: str, content: bool = True) -> dict[str, Any]:
        kind = "notebook" if path.endswith(".ipynb") else "file"
        return {"type": kind, "content": self.stored if content else None}

    async def session_exists(self, path: str) -> bool:
        return path == "live.ipynb"


def test_a_notebook_without_its_kernel_shows_pictures() -> None:
    jupyter = Jupyter()
    with_views = [[VIEW, "text/plain"], [VIEW], [VIEW, "image/png", "text/plain"]]
    server._show_pictures(jupyter)
    for path in ("live.ipynb", "/live.ipynb", "a.txt"):
        assert shown(asyncio.run(jupyter.get(path))) == with_views
    assert asyncio.run(jupyter.get("other.ipynb", content=False))["content"] is None
    found = shown(asyncio.run(jupyter.get("other.ipynb")))
    assert found == [["text/plain"], [VIEW], ["image/png", "text/plain"]]
    # A widget whose state is saved in the notebook can be shown without a kernel.
    jupyter.stored = notebook(widgets={STATE: {"state": {"a": {}}}})
    found = shown(asyncio.run(jupyter.get("other.ipynb")))
    assert found == [[VIEW, "text/plain"], [VIEW], ["image/png", "text/plain"]]


def test_a_restarted_kernel_knows_none_of_the_old_widgets() -> None:
    jupyter = Jupyter(knows=["c"])
    server._show_pictures(jupyter)
    model = asyncio.run(jupyter.get("live.ipynb"))
    assert shown(model) == [["text/plain"], [VIEW], [VIEW, "image/png", "text/plain"]]
    notes = [o for o in model["content"]["cells"][1]["outputs"] if o.get("metadata")]
    assert [note["data"]["text/plain"] for note in notes] == [server.NOTE]
    again = asyncio.run(jupyter.get("live.ipynb"))  # such as after it was saved
    assert len(again["content"]["cells"][1]["outputs"]) == 5
    busy = Jupyter(knows=None)
    server._show_pictures(busy)
    assert shown(asyncio.run(busy.get("live.ipynb")))[0] == [VIEW, "text/plain"]
    assert jupyter.open == busy.open == 0
    gone = Jupyter(knows=[])
    gone.get_kernel = lambda name: {}[name]  # type: ignore[method-assign]
    server._show_pictures(gone)
    assert shown(asyncio.run(gone.get("live.ipynb")))[0] == [VIEW, "text/plain"]  # it opens


def test_a_server_that_reads_in_another_way_is_left_alone() -> None:
    class Plain(Jupyter):
        def get(self, path: str, content: bool = True) -> Any:
            return {"type": "notebook", "content": self.stored}

    jupyter = Plain()
    server._show_pictures(jupyter)
    assert shown(jupyter.get("other.ipynb"))[0] == [VIEW, "text/plain"]
