"""A real JupyterLab in a real Chromium.

The fixture `lab` is a page on a running server, closed after the test:

    def test_board(lab):
        lab.run_cell("import fluxlab as fl; fl.Board(trace)")
        lab.cell().locator("canvas").click()
        assert lab.axe(".fluxlab") == []
        assert lab.console_errors == []
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    sync_playwright,
)

HERE = Path(__file__).parent
ARTEFACTS = HERE.parent.parent / "artefacts"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT: ViewportSize = {"width": 1400, "height": 900}
# JupyterLab's own complaints, which appear without FluxLab too.
NOT_OURS = re.compile(
    "|".join(
        [r"favicon", r"Failed to load resource.*(404|403)", r"Could not restore the debugger state"]
    )
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; without Chromium skip it, except in CI."""
    absent = pytest.mark.skip(reason="no Chromium found: install it to run the browser tests")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            if CHROMIUM is None and not os.environ.get("CI"):
                item.add_marker(absent)


@dataclass(frozen=True)
class Server:
    url: str
    token: str
    root: Path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@contextmanager
def running_server(home: Path) -> Iterator[Server]:
    """A JupyterLab of its own: port, token, folder, settings; nothing from this computer's user."""
    root = home / "notebooks"
    root.mkdir()
    labconfig = home / "config" / "labconfig"
    labconfig.mkdir(parents=True)
    news = "@jupyterlab/apputils-extension:announcements"
    (labconfig / "page_config.json").write_text(json.dumps({"disabledExtensions": {news: True}}))
    runtime = home / "runtime"
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "IPYTHONDIR": str(home / "ipython"),
    }
    token = secrets.token_hex(16)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
    ]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        command.append("--allow-root")
    log_path = home / "server.log"
    with log_path.open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=root
        )
    try:
        deadline = time.monotonic() + 120
        while not (info := read_whole(runtime.glob("jpserver-*.json"))):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab did not start:\n{log_path.read_text()}")
            time.sleep(0.1)
        yield Server(info["url"].rstrip("/"), token, root)
    finally:
        process.terminate()  # the server shuts its kernels down
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def read_whole(files: Iterable[Path]) -> Any:
    """What the first file says; None while there is none, or none that is written to its end."""
    for file in files:
        with suppress(ValueError):
            return json.loads(file.read_text())
    return None


@pytest.fixture(scope="session")
def chromium() -> Iterator[BrowserContext]:
    with running_chromium() as context:
        yield context


@contextmanager
def running_chromium() -> Iterator[BrowserContext]:
    if CHROMIUM is None:
        pytest.fail("no Chromium found, and CI is set: browser tests must run here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        # One context for all tests, so that JupyterLab's scripts come from the cache.
        yield browser.new_context(viewport=VIEWPORT)
        browser.close()


class Desk:
    """The page that the tests of one worker share: JupyterLab takes two seconds to load."""

    def __init__(self, chromium: BrowserContext) -> None:
        self.chromium = chromium
        self.page: Page | None = None

    def sit(self) -> Page:
        """The page as the last test left it, tidied up; a new one if there is none."""
        if self.page is None:
            self.page = self.chromium.new_page()
        self.page.set_viewport_size(VIEWPORT)
        self.page.mouse.move(0, 0)
        return self.page

    def leave(self, helper: Lab) -> None:
        """Close what is open; a page that is no longer as it was is not used again."""
        try:
            tidy = helper.clear()
        except Exception:
            tidy = False
        if not tidy:
            helper.page.close()
            self.page = None


@pytest.fixture(scope="session")
def desk(chromium: BrowserContext) -> Desk:
    return Desk(chromium)


@pytest.fixture
def lab(server: Server, desk: Desk, request: pytest.FixtureRequest) -> Iterator[Lab]:
    helper = Lab(desk.sit(), server)
    try:
        yield helper
        if getattr(request.node, "failed_call", False):
            helper.screenshot(f"failed-{request.node.name}")
    finally:
        helper.stop_listening()
        desk.leave(helper)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        item.failed_call = True  # type: ignore[attr-defined]


class Lab:
    """One JupyterLab page. Every method waits until what it did is done."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.console_errors: list[str] = []  # errors that are not JupyterLab's own
        self._opened = False
        self._loads = 0  # of the page, but for the first
        page.on("load", self._note_load)
        page.set_default_timeout(30_000)
        page.on("console", self._note)
        page.on("pageerror", self._note_exception)

    def stop_listening(self) -> None:
        self.page.remove_listener("console", self._note)
        self.page.remove_listener("pageerror", self._note_exception)
        self.page.remove_listener("load", self._note_load)

    def _note_load(self, _page: Page) -> None:
        self._loads += 1

    def _note_exception(self, error: Any) -> None:
        self.console_errors.append(str(error))

    def _note(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and not NOT_OURS.search(f"{message.text} {where}"):
            self.console_errors.append(f"{message.text} ({where})")

    def evaluate(self, script: str, argument: Any = None, timeout: float = 60) -> Any:
        """Run JavaScript with `app` (JupyterLab) and `panel` (the open notebook) at hand."""
        work = (
            "const app = window.jupyterapp; const panel = app.shell.currentWidget;"
            " const late = new Promise((_, reject) => setTimeout("
            "     () => reject(new Error(`not done after ${seconds} s`)), seconds * 1000));"
            " return Promise.race([(async () => {" + script + "})(), late]);"
        )
        return self.page.evaluate(f"async ([argument, seconds]) => {{{work}}}", [argument, timeout])

    def open(self, notebook: Path | str | None = None) -> None:
        """Open a copy of a notebook (a new one without an argument); its kernel is ready after."""
        name = f"{secrets.token_hex(4)}-{Path(notebook).name if notebook else 'new.ipynb'}"
        content = nbformat.read(notebook, 4) if notebook else nbformat.v4.new_notebook()
        # Without a kernel's name JupyterLab asks for one, and waits.
        content.metadata.setdefault("kernelspec", {"name": "python3", "display_name": "Python 3"})
        nbformat.write(content, self.server.root / name)
        self._opened = True
        if self.page.url == "about:blank":
            # A workspace of its own, so that no page finds the tabs of another.
            workspace = secrets.token_hex(4)
            self._loads = -1
            self.page.goto(
                f"{self.server.url}/lab/workspaces/{workspace}/tree/{name}"
                f"?token={self.server.token}"
            )
        else:
            self.evaluate("await app.commands.execute('docmanager:open', {path: argument});", name)
        self.page.wait_for_function(
            "name => window.jupyterapp?.shell?.currentWidget?.context?.path === name", arg=name
        )
        self.evaluate(
            "app.shell.collapseLeft(); await panel.context.ready; await panel.sessionContext.ready;"
        )
        self.set_theme("light")  # the last test's choice is kept by the server
        self.wait_idle()

    def wait_idle(self, timeout: float = 60) -> None:
        """Wait until the kernel has nothing to do and no cell is waiting for it."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                return panel.sessionContext.session?.kernel?.status === "idle"
                    && panel.content.widgets.every(cell => cell.promptNode?.textContent !== "[*]:");
            }""",
            timeout=timeout * 1000,
        )

    def run_all(self, timeout: float = 120) -> None:
        """Run every cell; an exception in a cell fails the test."""
        self.evaluate("await app.commands.execute('notebook:run-all-cells');", timeout=timeout)
        self.wait_idle(timeout)
        self._no_errors()

    def run_cell(self, source: str) -> str:
        """Run code in a new last cell (of a new notebook, if none is open); its text output.

        An exception in the cell fails the test.
        """
        if not self._opened:
            self.open()
        index = self.evaluate(
            """
            const cells = panel.content.model.sharedModel;
            const empty = cells.cells.length === 1 && !cells.cells[0].source;
            const index = empty ? 0 : cells.cells.length;
            if (empty) cells.cells[0].setSource(argument);
            else cells.insertCell(index, {cell_type: "code", source: argument});
            panel.content.activeCellIndex = index;
            await app.commands.execute("notebook:run-cell");
            return index;
            """,
            source,
        )
        self.wait_idle()
        self._no_errors()
        return self.text(index)

    def until(self, expression: str, timeout: float = 15) -> None:
        """Wait until a Python expression is true.

        What a click or a key asks of Python comes by a message of its own, on another thread: it
        may come after the next cell. So ask with this, and not with `run_cell`.
        """
        deadline = time.monotonic() + timeout
        while True:
            found = self.evaluate(
                """
                const asked = panel.sessionContext.session.kernel.requestExecute(
                    {code: "", silent: true, user_expressions: {found: argument}});
                return (await asked.done).content.user_expressions.found;
                """,
                f"bool({expression})",
            )
            assert found["status"] == "ok", f"{expression}: {found}"
            if found["data"]["text/plain"] == "True":
                return
            assert time.monotonic() < deadline, f"not true within {timeout} s: {expression}"
            time.sleep(0.05)

    def outputs(self, index: int = -1) -> list[dict[str, Any]]:
        """A code cell's outputs, as the notebook format has them."""
        found: list[dict[str, Any]] = self.evaluate(
            "return panel.content.widgets.at(argument).model.outputs?.toJSON() ?? [];", index
        )
        return found

    def text(self, index: int = -1) -> str:
        """What a cell printed, and the text form of what it showed."""
        return "".join(
            output.get("text") or output.get("data", {}).get("text/plain", "")
            for output in self.outputs(index)
        )

    def cell(self, index: int = -1) -> Locator:
        """The cell's element, scrolled into view."""
        number = self.evaluate(
            """
            const cell = panel.content.widgets.at(argument);
            const number = panel.content.widgets.indexOf(cell);
            await panel.content.scrollToItem(number, "start");
            cell.node.dataset.testCell = number;
            return number;
            """,
            index,
        )
        return self.page.locator(f".jp-NotebookPanel:visible [data-test-cell='{number}']")

    def set_theme(self, theme: str) -> None:
        """`theme` is "light" or "dark"."""
        name = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}[theme]
        self.evaluate(
            "await app.commands.execute('apputils:change-theme', {theme: argument});", name
        )
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)

    def still(self) -> None:
        """Wait until all that a change set off has been painted, and no transition runs."""
        self.page.evaluate(
            """async () => {
                const frame = () => new Promise(requestAnimationFrame);
                await document.fonts.ready;
                for (let i = 0; i < 3; i++) await frame();
                const ends = (a) => a.playState === "running"
                    && a.effect?.getComputedTiming().iterations !== Infinity;
                const running = document.getAnimations().filter(ends).map((a) => a.finished);
                const late = new Promise((done) => setTimeout(done, 300));  // out of sight
                await Promise.race([Promise.allSettled(running), late]);
                await frame();
            }"""
        )

    def screenshot(self, name: str, whole: bool = False) -> Path:
        """A picture in artefacts/; `whole` shows the notebook from its first to its last cell."""
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{re.sub(r'[^a-zA-Z0-9_.-]+', '-', name)}.png"
        size = self.page.viewport_size
        assert size is not None
        bottom = size["height"]
        if whole:
            for _ in range(5):  # cells get their real height only when they are in sight
                self.evaluate("await panel.content.scrollToItem(0, 'start');")
                before, bottom = (
                    bottom,
                    self.evaluate(
                        "const last = panel.content.widgets.at(-1).node;"
                        " const box = panel.content.outerNode ?? panel.content.node;"
                        " return last.isConnected ? last.getBoundingClientRect().bottom + 40"
                        "  : box.getBoundingClientRect().top + box.scrollHeight;"
                    ),
                )
                if bottom == before:
                    break
                self.page.set_viewport_size(size | {"height": min(int(bottom) + 40, 16_000)})
                self.still()
        self.page.screenshot(path=path)
        self.page.set_viewport_size(size)
        return path

    def axe(self, selector: str) -> list[str]:
        """Accessibility violations inside `selector`, one line each; [] if there are none."""
        self.page.locator(f"{selector}:visible").first.wait_for()
        self.page.evaluate(AXE_SCRIPT + ";0")
        found = self.page.evaluate("selector => axe.run(selector)", selector)
        return [
            f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    def _no_errors(self) -> None:
        problems = self.evaluate(
            """
            return panel.content.widgets.flatMap(
                (cell, number) => (cell.model.outputs?.toJSON() ?? [])
                    .filter(output => output.output_type === "error")
                    .map(output => `cell ${number}: ${output.ename}: ${output.evalue}\\n`
                        + output.traceback.join("\\n")));
            """
        )
        assert not problems, re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(problems))

    def clear(self) -> bool:
        """End the kernels and close the notebooks; whether the page is then as good as new."""
        if self.page.url == "about:blank":
            return True
        tidy: bool = self.evaluate(
            """
            for (const open of [...app.shell.widgets("main")]) {
                await open.sessionContext?.shutdown?.();
                open.dispose();
            }
            return app.shell.isAttached && document.body.contains(app.shell.node)
                && !document.querySelector(".jp-Dialog");
            """
        )
        return tidy and self._loads <= 0  # what a page that was left behind does may come late
