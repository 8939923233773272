"""A Jupyter Server extension: small messages leave at once, saved widgets show their pictures.

Jupyter Server leaves Nagle's algorithm on for the websocket between page and kernel: a small
message waits until the page has acknowledged the one before, up to 40 ms. A slider that
repaints a board needs several small messages per change, so each would wait.

A saved notebook refers to widgets that lived in a kernel. Opened without that kernel, JupyterLab
says "Error displaying widget: model not found" and hides the picture and the text that are saved
beside each reference. So a notebook is read without the references that its kernel does not know:
none runs, or it was restarted. A line below says how to bring the widget alive.

Imports: nothing of FluxLab.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

WIDGET, STATE = (
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyter.widget-state+json",
)

NOTE = "Run this cell to bring it alive."
PATIENCE = 1  # seconds that a kernel has to say what it knows


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
    contents = server.contents_manager
    read = contents.get
    if not inspect.iscoroutinefunction(read):
        return

    async def get(path: str, *args: Any, **kwargs: Any) -> Any:
        model = await read(path, *args, **kwargs)
        if model["type"] == "notebook" and model["content"]:
            known = await _widgets_of(server, path.strip("/"))
            if known is not None:
                without_widgets(model["content"], known)
        return model

    contents.get = get


async def _widgets_of(server: Any, path: str) -> set[str] | None:
    """The widgets that a notebook's kernel knows; None if it does not say, busy or dying."""
    if not await server.session_manager.session_exists(path):
        return set()
    try:
        session = await server.session_manager.get_session(path=path)
        client = server.kernel_manager.get_kernel(session["kernel"]["id"]).client()
        client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
        try:
            asked = client.comm_info(target_name="jupyter.widget")
            while True:
                reply = await client.get_shell_msg(timeout=PATIENCE)
                if reply["parent_header"].get("msg_id") == asked:
                    return set(reply["content"]["comms"])
        finally:
            client.stop_channels()
    except Exception:  # whatever it is, the notebook must open
        return None


def without_widgets(notebook: Any, known: Collection[str] = ()) -> None:
    """Drop references to widgets that nobody knows, where an output has something else to show.

    known : the widgets that live in a kernel, beside those whose state the notebook holds.
    """
    state = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook["cells"]:
        outputs = cell.get("outputs", ())
        dead = [o for o in outputs if _is_dead(o.get("data", {}), {*state, *known})]
        for output in dead:
            del output["data"][WIDGET]
        told = any(output.get("metadata", {}).get("fluxlab") for output in outputs)
        if dead and not told:
            note = {"output_type": "display_data", "data": {"text/plain": NOTE}}
            outputs.append({**note, "metadata": {"fluxlab": "note"}})


def _is_dead(data: Any, known: set[str]) -> bool:
    return len(data) > 1 and WIDGET in data and data[WIDGET].get("model_id") not in known
