"""Binder's own code reads environment.yml and builds what we mean; no Docker needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from repo2docker.app import Repo2Docker
from repo2docker.buildpacks import CondaBuildPack

ROOT = Path(__file__).parent.parent


@pytest.fixture
def binder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CondaBuildPack:
    """The build pack that Binder chooses for the top folder's files."""
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    app = Repo2Docker()
    packs = (pack(app.base_image) for pack in app.buildpacks)
    chosen = next(pack for pack in packs if pack.detect())
    assert type(chosen) is CondaBuildPack
    chosen.platform = "linux/amd64"
    return chosen


def test_binder_takes_our_environment(binder: CondaBuildPack) -> None:
    assert binder.environment_yaml["dependencies"][-1] == {"pip": ["-e ."]}
    assert binder.python_version == "3.12"
    assert not binder.separate_kernel_env  # widgets and kernel in one environment


def test_binder_copies_the_repository_before_it_installs_it(binder: CondaBuildPack) -> None:
    dockerfile = binder.render(build_args={"REPO_DIR": "/srv/repo"})
    copied = dockerfile.index("COPY --chown=1000:1000 src/ ${REPO_DIR}/")
    installed = [found.start() for found in re.finditer("--file .*environment.yml", dockerfile)]
    assert len(installed) == 1
    assert copied < installed[0]


def test_the_lowest_versions_are_those_that_are_promised() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = dict(dependency.split(">=") for dependency in project["dependencies"])
    tried = re.findall(r"^([\w-]+)==(.+)$", (ROOT / "tests" / "lowest.txt").read_text(), re.M)
    assert {name: re.sub(r"(\.0)+$", "", bound) for name, bound in tried} == {
        name: re.sub(r"(\.0)+$", "", bound) for name, bound in promised.items()
    }


def test_the_wheel_carries_lessons_scripts_and_command(tmp_path: Path) -> None:
    """A plain `pip install` has all that `fluxlab lab` needs; read from the files in git."""
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    names = set(zipfile.ZipFile(wheel).namelist())
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    listed = subprocess.run(
        ["git", "ls-files", "fluxlab", "lessons"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    wanted = {name if name.startswith("fluxlab/") else f"fluxlab/{name}" for name in listed}
    assert any(name.endswith(".ipynb") for name in wanted)
    assert any(name.endswith(".js") for name in wanted)
    assert wanted <= names
    assert not [name for name in names if name.startswith(("tests", "tools", "benchmarks"))]
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    assert b"fluxlab = fluxlab.cli:main" in zipfile.ZipFile(wheel).read(entry)
    found = subprocess.run(
        [sys.executable, "-c", "from fluxlab import cli; print(cli.lessons_folder())"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == str(tmp_path / "installed" / "fluxlab" / "lessons")
