"""Files: networks saved before the engine had rooms go on; a killed save harms nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fluxlab as fl

SAVED = Path(__file__).parent / "saved"
TOLD = json.loads((SAVED / "told.json").read_text("utf-8"))


def test_there_is_a_file_of_every_kind() -> None:
    assert {path.stem for path in SAVED.glob("*.npz")} == TOLD.keys()
    assert len(TOLD) == 7


@pytest.mark.parametrize("name", TOLD)
def test_a_network_saved_earlier_goes_on(name: str) -> None:
    net = fl.Network.load(SAVED / f"{name}.npz")
    assert net.history.iteration == 7
    # Another machine's BLAS may round the last digit in another way.
    predicted = net.predict(net._data[0][:3])
    np.testing.assert_allclose(predicted, TOLD[name]["predicted"], rtol=1e-10, atol=1e-12)
    net.advance(5)
    cost = float(net.trace.cost.value.reshape(()))
    assert cost == pytest.approx(TOLD[name]["cost after 5 more"], rel=1e-10)


KILLS = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
import fluxlab as fl

path = Path(sys.argv[1])
net = fl.Network([fl.Dense(200, "tanh"), fl.Dense(1)], np.ones((4, 300)), np.zeros((4, 1)))
draw = np.random.default_rng(1)

def save(number):  # every number that is kept is this one
    for matrix in net.trace.inputs:
        matrix.buffer[...] = number
    net.save(path)

took = []
for _ in range(5):
    took.append(-time.perf_counter())
    save(1)
    took[-1] += time.perf_counter()
last, struck = 1, 0
for kill in range(int(sys.argv[2])):
    read, write = os.pipe()
    child = os.fork()  # from a warm process, so that a saver costs nothing to start
    if not child:
        for number in range(last + 1, 10**9):
            os.write(write, b"b")  # begun
            save(number)
            os.write(write, b"d")  # and done
    os.close(write)
    told = os.read(read, 1)
    while kill % 2 and b"d" not in told:  # every other time at least one save is done
        told += os.read(read, 1)
    time.sleep(draw.random() * 2 * min(took))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told += os.read(read, 65536)
    os.close(read)
    old, new = (last + told.count(letter) for letter in (b"d", b"b"))
    struck += new > old
    kept = fl.Network.load(path).values().values()
    found = {float(end) for numbers in kept for end in (numbers.min(), numbers.max())}
    assert found in ({old}, {new}), (found, old, new)
    last = int(found.pop())
print(struck, last)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 needs POSIX")
def test_a_hundred_killed_saves_leave_the_old_file_or_the_new(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path / "net.npz"), "100"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    struck, saved = map(int, done.stdout.split())
    assert struck > 50, "most must strike while a file is being written"
    assert saved > 50, "and files must have been written"
    left = [*tmp_path.glob(".*")]
    assert left, "killed saves leave what they had begun"
    fl.Network.load(tmp_path / "net.npz").save(tmp_path / "net.npz")
    assert {*tmp_path.glob(".*")} == {*left}, "they may be under way, for all that a save can tell"
    for path in left:
        os.utime(path, (1e9, 1e9))
    fl.Network.load(tmp_path / "net.npz").save(tmp_path / "net.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


def test_what_a_killed_save_leaves_is_swept_and_nothing_else(tmp_path: Path) -> None:
    net = fl.form_network([1], *fl.data.gate("and"))
    names = {
        ".net.npz.0123abcd.part": False,  # of a save that was killed
        ".net.npz.89ef4567.part": True,  # of one that is under way
        ".net.npz.0123abcd.parts": True,
        ".net.npz.backup01.part": True,  # another program's
        ".other.npz.0123abcd.part": True,
        "net.npz.0123abcd.part": True,
    }
    for name in names:
        (tmp_path / name).write_bytes(b"PK")
        if name != ".net.npz.89ef4567.part":
            os.utime(tmp_path / name, (1e9, 1e9))
    net.save(tmp_path / "net.npz")
    assert {path.name for path in tmp_path.iterdir()} == {
        "net.npz", *(name for name, stays in names.items() if stays)
    }  # fmt: skip
