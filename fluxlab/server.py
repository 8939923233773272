"""A Jupyter Server extension: a kernel's small messages leave at once.

Jupyter Server leaves Nagle's algorithm on for the websocket between page and kernel: a small
message waits until the page has acknowledged the one before, up to 40 ms. A slider that
repaints a board needs several small messages per change, so each would wait.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "fluxlab.server"}]


def _load_jupyter_server_extension(server: Any) -> None:
    from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

    opened = KernelWebsocketHandler.open

    async def open_without_delay(self: Any, *args: Any, **kwargs: Any) -> None:
        self.set_nodelay(True)
        await opened(self, *args, **kwargs)

    KernelWebsocketHandler.open = open_without_delay
