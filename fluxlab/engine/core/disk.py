"""Files: plain arrays and a JSON header in one .npz; nothing in it is ever run.

A large array is stored as the eight planes of its bytes, since the first two of learned numbers,
sign and exponent, are much alike and pack well: uint8 (8, ...), which `joined` reads.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import secrets
import time
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import Array

OLD = 3600  # seconds: no save takes so long
SMALL, MOST_PACKED = 2**25, 20  # bytes that any file may unpack to, or 20 times its own size
MANY = 256  # numbers from which on planes are worth while
SAMPLE = 2**14  # numbers that tell whether the others can be packed
HEADS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0,
}  # fmt: skip


def write(path: Path, written: str, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write arrays and a header of the format `written`. The file is whole or not there at all."""
    sums = {name: _checksum(array) for name, array in arrays.items()}
    text = json.dumps({"format": written, "checksums": sums, **header})
    whole = {"header": np.asarray(text), **{name: np.asarray(a) for name, a in arrays.items()}}
    small = sum(array.nbytes for array in whole.values()) < SMALL
    packed = {name for name, array in whole.items() if _packs(array, small)}
    stored = {name: _planes(a) if name in packed else a for name, a in whole.items()}
    _write_whole(path, lambda file: _write_arrays(file, stored, packed))


def _packs(array: Any, small: bool) -> bool:
    """Whether deflating is worth its time, from a sample; no large file may look like a bomb."""
    some = _planes(np.ascontiguousarray(array).reshape(-1)[:SAMPLE]).tobytes()
    found = len(zlib.compress(some, 1))
    return found < 0.97 * len(some) and (small or found * MOST_PACKED > 2 * len(some))


def _planes(array: Any) -> Any:
    """The bytes of a large array, the first of all its numbers first; a small one as it is."""
    if array.size < MANY or array.dtype != np.float64:
        return array
    each = np.ascontiguousarray(array, dtype="<f8")[..., None].view(np.uint8)
    return np.ascontiguousarray(np.moveaxis(each, -1, 0))


def joined(array: Array) -> Array:
    """The numbers of an array that lies in a file as planes of bytes; others as they are."""
    if array.dtype != np.uint8 or array.ndim < 2 or len(array) != 8:
        return array
    each = np.ascontiguousarray(np.moveaxis(array, 0, -1))
    return np.asarray(each.view("<f8")[..., 0], dtype=np.float64)


def _write_arrays(file: Any, arrays: dict[str, Any], packed: set[str]) -> None:
    with zipfile.ZipFile(file, "w") as stored:
        for name, array in arrays.items():
            part = zipfile.ZipInfo(f"{name}.npy", time.localtime()[:6])
            part.compress_type = zipfile.ZIP_DEFLATED if name in packed else zipfile.ZIP_STORED
            with stored.open(part, "w", force_zip64=True) as place:
                np.lib.format.write_array(place, array, allow_pickle=False)


def _write_whole(path: Path, write: Any) -> None:
    """Write to a file beside `path`, then put it in its place in one move."""
    folder = path.parent
    if not folder.is_dir():
        raise BadInput(f"save: there is no folder {str(folder)!r}; make it first.")
    _sweep(path)
    # Not `tempfile`: its files can be read by nobody else, not even by the teacher.
    beside = folder / f".{path.name}.{secrets.token_hex(4)}.part"
    try:
        with beside.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except (OSError, ValueError) as problem:  # ValueError: a name that no system takes
        raise BadInput(
            f"save: {str(path)!r} cannot be written ({problem}). Nothing was changed. Choose "
            "another name or another folder."
        ) from None
    finally:
        with contextlib.suppress(OSError, ValueError):
            beside.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Away with what saves to this name left behind that were killed. One under way is young."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}.part"):
        with contextlib.suppress(OSError):  # another process sweeps, too
            if time.time() - left.stat().st_mtime > OLD:
                left.unlink()


def path_of(function: str, path: Any) -> Path:
    """The path that a student gave; BadInput if it is none."""
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise BadInput(f'{function}: path must be a file name such as "net.npz", got {path!r}.')
    return Path(path)


def read(path: Path, written: str, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the arrays of a file; BadInput if it is missing, damaged or something else.

    what : what is expected, such as "a network".
    """
    if not _is_file(path):
        full = path.with_name(f"{path.name}.npz")
        hint = f"did you mean {full.name!r}" if _is_file(full) else "check the name and the folder"
        raise BadInput(f"load: there is no file {str(path)!r}; {hint}.")
    arrays = _arrays(path)
    try:
        header = json.loads(str(arrays.pop("header")))
        found = str(header["format"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise BadInput(
            f"load: {path.name} is not {what} that FluxLab has saved; it holds "
            f"{', '.join(sorted(arrays)[:5]) or 'nothing'}."
        ) from None
    if found != written:
        raise BadInput(
            f"load: {path.name} has the format {found!r}, and this FluxLab reads {written!r}. It "
            "was saved by another version; load it with that one."
        )
    for name, array in arrays.items():
        if array.dtype != np.float64:
            raise BadInput(f"load: {path.name}: {name} must be float64, and is {array.dtype}.")
    return header, arrays


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no name of a file at all
        return False


def check_sums(path: Path, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Refuse arrays that were changed after they had been written; BadInput names the first."""
    sums = header.get("checksums")
    if not isinstance(sums, dict):  # a file of an earlier version, taken as it is
        return
    for name, array in arrays.items():
        if sums.get(name) != _checksum(array):
            raise BadInput(
                f"load: {name!r} in {path.name} is not what was saved: its numbers, its shape or "
                f"its type ({array.dtype}) were changed afterwards. Take a copy of the file; to "
                "change a network, load it, set its numbers and save it again."
            )


def _arrays(path: Path) -> dict[str, Any]:
    """Every array of the file; sizes are read in the directory before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as stored:
            parts = stored.infolist()
            room = max(SMALL, MOST_PACKED * path.stat().st_size)
            if sum(part.file_size for part in parts) > room:
                raise ValueError("unpacked it would be far larger than any network")
            return {part.filename.removesuffix(".npy"): _array(stored, part) for part in parts}
    except Exception as problem:  # zipfile and NumPy raise many kinds on broken files
        raise BadInput(
            f"load: {path.name} is damaged or not a FluxLab file ({problem}). Save it again, or "
            "take a copy."
        ) from None


def _array(stored: zipfile.ZipFile, part: zipfile.ZipInfo) -> Any:
    """One array, if what its head says fits into its part of the file."""
    with stored.open(part) as file:
        shape, _, dtype = HEADS[np.lib.format.read_magic(file)](file)
        if dtype.hasobject or prod(shape) * dtype.itemsize > part.file_size:
            raise ValueError(f"{part.filename} does not hold what its first bytes say")
    with stored.open(part) as file:
        return joined(np.lib.format.read_array(file, allow_pickle=False))


def _checksum(array: Any) -> str:
    """Of the numbers, their order in memory aside, with their shape and type."""
    array = np.asarray(array)
    what = f"{array.dtype.str} {array.shape} ".encode()
    return hashlib.sha256(what + np.ascontiguousarray(array).tobytes()).hexdigest()[:32]
