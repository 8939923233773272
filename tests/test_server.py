"""The server extension: found by Jupyter Server, and the websocket's delay is off."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
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
    server._load_jupyter_server_extension(None)
    asyncio.run(KernelWebsocketHandler.open(Socket(), kernel_id="k"))  # type: ignore[arg-type]
    assert seen == [True, "k"]
