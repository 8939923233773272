"""Files made or changed by someone else: refused soon, in words, and with little memory."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.core.disk import read, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    net = fl.Network([fl.Dense(3, "tanh"), fl.Dense(1)], *fl.data.parity(2), seed=3)
    net.fit(2)
    net.save(tmp_path / "net.npz")
    return tmp_path / "net.npz"


def edited(path: Path, **changes: Any) -> None:
    """Write the file anew with other arrays, as somebody would by NumPy."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for name, change in changes.items():
        key = next(k for k in arrays if k.endswith(name.replace("_", " ")))
        arrays[key] = change(arrays[key])
    np.savez(path, **arrays)


W = "layer_1/w"


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w + 1e-12, lambda w: w.astype(np.float32), lambda w: w > 0, lambda w: w.T,
        lambda w: w[:, ::-1], lambda w: w.astype(">f8"), lambda w: w.astype(int), lambda w: w[None],
    ],
)  # fmt: skip
def test_an_array_that_was_changed_is_named(path: Path, change: Any) -> None:
    edited(path)
    fl.Network.load(path)  # written anew, with the same numbers
    edited(path, **{W: change})
    with pytest.raises(
        fl.BadInput, match=r"net\.npz.*layer 1/w|layer 1/w' in net\.npz is not what was saved"
    ):
        fl.Network.load(path)


def test_an_array_that_is_missing_or_added_is_named(path: Path) -> None:
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(path, **arrays, more=np.ones(3))
    with pytest.raises(fl.BadInput, match=r"more is missing, unknown"):
        fl.Network.load(path)
    np.savez(path, **{name: a for name, a in arrays.items() if name != "target"})
    with pytest.raises(fl.BadInput, match=r"net\.npz is not a network.*target"):
        fl.Network.load(path)


@pytest.mark.parametrize("kind", [np.float32, np.bool_, np.int64, np.complex128])
def test_another_type_is_refused_also_where_there_is_no_checksum(path: Path, kind: Any) -> None:
    def without(header: Any) -> Any:
        told = json.loads(str(header))
        del told["checksums"]
        return json.dumps(told)

    edited(path, header=without, **{W: lambda w: w.astype(kind)})
    with pytest.raises(fl.BadInput, match=rf"layer 1/w must be float64, and is {kind.__name__}"):
        fl.Network.load(path)


def test_the_order_in_memory_does_not_count(path: Path) -> None:
    edited(path, **{W: np.asfortranarray})
    fl.Network.load(path)


BOMB = """
import resource, sys, time
import fluxlab as fl
net = fl.Network.load(sys.argv[1])
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
try:
    fl.Network.load(sys.argv[2])
except fl.BadInput as problem:
    took = time.perf_counter() - start
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(took, more / 1024, problem)
"""


def bomb(path: Path, size: int) -> None:
    """A zip file of zeros that unpacks to `size` bytes behind an array's head."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f8", "fortran_order": False, "shape": (size // 8,)}
    )
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as stored,
        stored.open("x.npy", "w", force_zip64=True) as file,
    ):
        file.write(head.getvalue())
        for _ in range(size // 2**24):
            file.write(bytes(2**24))


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    beside = path.with_name("bomb.npz")
    bomb(beside, 2**30)
    assert beside.stat().st_size < 2**23
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path), str(beside)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    took, more, said = done.stdout.split(maxsplit=2)
    assert "far larger than any network" in said
    assert float(more) < 50, "MB"
    assert float(took) < 5, "seconds; a limit against unpacking only"


def test_a_head_that_promises_more_than_there_is(path: Path) -> None:
    """Without a look at the head, NumPy would reserve eight terabytes."""
    head = io.BytesIO()
    huge = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(head, huge)
    with zipfile.ZipFile(path, "a") as stored:
        stored.writestr("more.npy", head.getvalue() + bytes(80))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(fl.BadInput, match=r"more\.npy does not hold what its first bytes say"):
        fl.Network.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


@pytest.mark.parametrize("nested", ["[" * 10**5, '{"a":' * 10**5, "[" * 10**5 + "]" * 10**5])
def test_deeply_nested_json_is_refused_in_words(path: Path, nested: str) -> None:
    edited(path, header=lambda header: np.array(nested))
    with pytest.raises(fl.BadInput, match="not a network that FluxLab has saved"):
        fl.Network.load(path)


def test_nested_lists_within_a_header_are_refused(path: Path) -> None:
    def deep(header: Any) -> Any:
        told = json.loads(str(header))
        told["layers"] = json.loads("[" * 400 + "]" * 400)
        return json.dumps(told)

    edited(path, header=deep)
    with pytest.raises(fl.BadInput, match="load"):
        fl.Network.load(path)


def test_a_name_without_its_ending_is_found_out(path: Path) -> None:
    with pytest.raises(fl.BadInput, match=r"no file '.*net'; did you mean 'net\.npz'\."):
        fl.Network.load(path.with_suffix(""))
    with pytest.raises(fl.BadInput, match="check the name and the folder"):
        fl.Network.load(path.with_name("other"))


def test_objects_are_never_unpickled(path: Path) -> None:
    edited(path, **{W: lambda w: np.array([[object()]], dtype=object)})
    with pytest.raises(fl.BadInput, match=r"damaged or not a FluxLab file"):
        fl.Network.load(path)


def test_a_header_keeps_its_own_sums(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", "made for a test", {"one": 1}, {"x": np.arange(3.0)})
    header, arrays = read(tmp_path / "a.npz", "made for a test", "a thing")
    assert header["one"] == 1
    assert len(header["checksums"]["x"]) == 32
    np.testing.assert_array_equal(arrays["x"], [0, 1, 2])


def test_another_type_in_a_search_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write(path, "made for a test", {"checksums": None}, {"x": np.array([True, False])})
    with pytest.raises(fl.BadInput, match=r"a\.npz: x must be float64, and is bool"):
        read(path, "made for a test", "a thing")


NESTED = ["[" * 10**5, '{"answers":' * 10**5, "[" * 10**5 + "]" * 10**5]


@pytest.mark.parametrize("nested", NESTED)
def test_nested_answers_and_lists_of_lessons(
    tmp_path: Path, nested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fluxlab.cli import MANIFEST, read_manifest
    from fluxlab.widgets.questions import progress

    (tmp_path / MANIFEST).write_text(nested, "utf-8")
    assert read_manifest(tmp_path) == {}
    monkeypatch.setenv("FLUXLAB_HOME", str(tmp_path))
    path = progress.file_of("08")
    path.parent.mkdir()
    path.write_text(nested, "utf-8")
    assert progress.lessons() == ["08"]
    answers, said = progress.load("08")
    assert answers == {}
    assert "damaged" in said
    assert progress.save("08/q", {"given": 1, "right": True}) == ""
