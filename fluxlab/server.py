"""A Jupyter Server extension: small messages leave at once, saved widgets show their pictures.

Jupyter Server leaves Nagle's algorithm on for the websocket between page and kernel: a small
message waits until the page has acknowledged the one before, up to 40 ms. A slider that
repaints a board needs several small messages per change, so each would wait.

A saved notebook refers to widgets that lived in a kernel. Opened without that kernel, JupyterLab
says "Error displaying widget: model not found" and hides the picture and the text that are saved
beside each reference. So a notebook whose kernel does not run is read without them.

Imports: nothing of FluxLab.
"""

from __future__ import annotations

import inspect
from typing import Any

WIDGET, STATE = (
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyter.widget-state+json",
)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "fluxlab.server"}]


def _load_jupyter_server_extension(server: Any) -> None:
    _send_without_delay()
    _show_pictures(server)


def _send_without_delay() -> None:
    from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

    opened = KernelWebsocketHandler.open

    async def open_without_delay(self: Any, *args: Any, **kwargs: Any) -> None:
        self.set_nodelay(True)
        await opened(self, *args, **kwargs)

    KernelWebsocketHandler.open = open_without_delay


def _show_pictures(server: Any) -> None:
    contents, sessions = server.contents_manager, server.session_manager
    read = contents.get
    if not inspect.iscoroutinefunction(read):
        return

    async def get(path: str, *args: Any, **kwargs: Any) -> Any:
        model = await read(path, *args, **kwargs)
        is_read = model["type"] == "notebook" and model["content"]
        if is_read and not await sessions.session_exists(path.strip("/")):
            without_widgets(model["content"])
        return model

    contents.get = get


def without_widgets(notebook: Any) -> None:
    """Drop references to widgets whose state is not saved, where an output has something else."""
    saved = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if len(data) > 1 and WIDGET in data and data[WIDGET].get("model_id") not in saved:
                del data[WIDGET]
