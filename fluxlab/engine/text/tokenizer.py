"""Tokenizers: text to token numbers and back, by characters or by byte pairs.

The first six numbers are the same in both: 0 is padding, then start, end, mask, separator and
class. Text never turns into one of them, and `decode` leaves them out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import Array, as_numbers, whole

SPECIAL = ("padding", "start", "end", "mask", "separator", "class")
PADDING, START, END, MASK, SEPARATOR, CLASS = range(len(SPECIAL))

Pair = tuple[int, int]


class Tokenizer:
    """What both kinds share. `pieces` are the ordinary tokens, numbered from 6 on."""

    pieces: Sequence[Any]

    @property
    def size(self) -> int:
        """How many tokens there are, the special ones included."""
        return len(SPECIAL) + len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """The token numbers of a text."""
        raise NotImplementedError

    def decode(self, numbers: Any) -> str:
        """The text of token numbers, in any shape; special tokens give nothing."""
        raise NotImplementedError

    def names(self, numbers: Any = None) -> list[str]:
        """Every token as a student reads it, such as `t` or `[mask]`; None: the vocabulary."""
        shown = range(self.size) if numbers is None else self._whole("names", numbers)
        special = [f"[{name}]" for name in SPECIAL]
        return [special[n] if n < len(SPECIAL) else self._name(n - len(SPECIAL)) for n in shown]

    def _name(self, piece: int) -> str:
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """The tokenizer as JSON has it; see `tokenizer_of`."""
        raise NotImplementedError

    def _whole(self, function: str, numbers: Any) -> list[int]:
        """Token numbers as a flat list of ints; BadInput for what is none."""
        if np.size(numbers) == 0:
            return []
        flat = token_numbers(function, "numbers", numbers, self.size).ravel()
        return [int(n) for n in flat]


@dataclass(frozen=True)
class CharacterTokenizer(Tokenizer):
    """One token per character. pieces : the characters, in order of their code."""

    pieces: tuple[str, ...]

    def __post_init__(self) -> None:
        one = isinstance(self.pieces, tuple) and all(isinstance(c, str) for c in self.pieces)
        if not one or any(len(c) != 1 for c in self.pieces):
            raise BadInput(
                "CharacterTokenizer: pieces must be a tuple of single characters, got "
                f"{self.pieces!r}. CharacterTokenizer.train(text) finds them."
            )

    @classmethod
    def train(cls, text: str) -> CharacterTokenizer:
        """The characters that occur in a text."""
        return cls(tuple(sorted(set(_text("train", text)))))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {piece: n for n, piece in enumerate(self.pieces, len(SPECIAL))}

    def encode(self, text: str) -> list[int]:
        try:
            return [self._numbers[c] for c in _text("encode", text)]
        except KeyError as missing:
            raise BadInput(
                f"encode: the character {missing} is not among the {len(self.pieces)} of this "
                "tokenizer. Train it on a text that has it, or take byte pairs, which know all."
            ) from None

    def decode(self, numbers: Any) -> str:
        found = self._whole("decode", numbers)
        return "".join(self.pieces[n - len(SPECIAL)] for n in found if n >= len(SPECIAL))

    def plain(self) -> dict[str, Any]:
        return {"kind": "characters", "pieces": "".join(self.pieces)}

    def _name(self, piece: int) -> str:
        return _readable(self.pieces[piece])


@dataclass(frozen=True)
class BytePairTokenizer(Tokenizer):
    """Byte pairs (Gage, 1994; for text Sennrich, Haddow and Birch, 2016), on the bytes of UTF-8.

    The first 256 pieces are the bytes, so any text has its tokens; then one per merge.

    merges : pairs of pieces that become one, in the order in which they were learned.
    """

    merges: tuple[tuple[bytes, bytes], ...]

    def __post_init__(self) -> None:
        pairs = isinstance(self.merges, tuple) and all(isinstance(p, tuple) for p in self.merges)
        if not pairs or any(list(map(type, pair)) != [bytes, bytes] for pair in self.merges):
            raise BadInput(
                "BytePairTokenizer: merges must be a tuple of pairs of bytes, got "
                f"{self.merges!r}. BytePairTokenizer.train(text, merges) learns them."
            )

    @classmethod
    def train(cls, text: str, merges: int) -> BytePairTokenizer:
        """Learn up to `merges` merges: always the pair that stands side by side most often.

        Of equally frequent pairs the one that is first in byte order is taken. A merge never
        reaches over the beginning of a word; its space belongs to it. Learning ends early when no
        pair occurs twice.
        """
        whole("train", "merges", merges, 0)
        words = Counter(map(_single_bytes, _words(_text("train", text))))
        learned: list[tuple[bytes, bytes]] = []
        while len(learned) < merges:
            pairs: Counter[tuple[bytes, bytes]] = Counter()
            for word, count in words.items():
                for pair in pairwise(word):
                    pairs[pair] += count
            best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
            if best is None or pairs[best] < 2:
                break
            learned.append(best)
            merged: Counter[tuple[bytes, ...]] = Counter()
            for word, count in words.items():
                merged[_merge(word, best)] += count
            words = merged
        return cls(tuple(learned))

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:  # type: ignore[override]
        """Every ordinary token as bytes."""
        merged = [left + right for left, right in self.merges]
        return tuple(dict.fromkeys([*(bytes([b]) for b in range(256)), *merged]))

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        return {piece: n for n, piece in enumerate(self.pieces, len(SPECIAL))}

    def encode(self, text: str) -> list[int]:
        found: list[int] = []
        for word in _words(_text("encode", text)):
            parts = _single_bytes(word)
            for pair in self.merges:
                parts = _merge(parts, pair)
            found += [self._numbers[part] for part in parts]
        return found

    def decode(self, numbers: Any) -> str:
        found = self._whole("decode", numbers)
        joined = b"".join(self.pieces[n - len(SPECIAL)] for n in found if n >= len(SPECIAL))
        try:
            return joined.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:  # a model may give bytes that are no character
            return joined.decode("utf-8", "replace")

    def _name(self, piece: int) -> str:
        return _readable(self.pieces[piece])

    def plain(self) -> dict[str, Any]:
        return {"kind": "byte pairs", "merges": [[a.hex(), b.hex()] for a, b in self.merges]}

    def readable_merges(self) -> list[str]:
        """The merges as a list to read: `t + h -> th`."""
        return [f"{_readable(a)} + {_readable(b)} -> {_readable(a + b)}" for a, b in self.merges]


def tokenizer_of(plain: Any) -> Tokenizer | None:
    """The tokenizer of what `Tokenizer.plain` gave; None of None."""
    if plain is None:
        return None
    if plain["kind"] == "characters":
        return CharacterTokenizer(tuple(plain["pieces"]))
    return BytePairTokenizer(
        tuple((bytes.fromhex(a), bytes.fromhex(b)) for a, b in plain["merges"])
    )


def padded(texts: Iterable[Sequence[int]], length: int | None = None) -> Array:
    """Token numbers of several texts as one matrix (texts, length), filled up with padding, 0.

    length : default: that of the longest. BadInput if a text is longer.
    """
    try:
        rows = [list(row) for row in texts]
    except TypeError:
        raise BadInput(
            "padded: texts must be a list of texts, each a list of token numbers such as encode "
            f"gives, got {type(texts).__name__}."
        ) from None
    for row in rows:
        if row:
            token_numbers("padded", "texts", row)
    if length is not None:
        whole("padded", "length", length, 1)
    longest = max(map(len, rows), default=0)
    n = longest if length is None else length
    if longest > n or n < 1:
        raise BadInput(f"padded: length must be 1 or more and hold {longest} tokens, got {n!r}.")
    return np.array([row + [PADDING] * (n - len(row)) for row in rows], dtype=np.float64)


def token_numbers(function: str, argument: str, value: Any, count: int | None = None) -> Array:
    """Token numbers as an array: whole, 0 or more, and below `count`."""
    numbers = as_numbers(function, argument, value)
    above = np.inf if count is None else count
    bad = numbers[(numbers != np.floor(numbers)) | (numbers < 0) | (numbers >= above)]
    if bad.size:
        span = "are 0 or more" if count is None else f"lie in 0 to {count - 1}"
        raise BadInput(
            f"{function}: {argument}: token numbers are whole and {span}, got {bad[0]:g}."
        )
    return numbers


def _text(function: str, text: object) -> str:
    if not isinstance(text, str):
        raise BadInput(f"{function}: text must be a string, got {type(text).__name__}.")
    return text


def _words(text: str) -> list[str]:
    """The text in words, each with one space before it; joined they are the text again."""
    return re.findall(r" ?\S+|\s+", text)


def _single_bytes(word: str) -> tuple[bytes, ...]:
    return tuple(bytes([b]) for b in word.encode("utf-8", "surrogatepass"))


def _merge(parts: tuple[bytes, ...], pair: tuple[bytes, bytes]) -> tuple[bytes, ...]:
    """Every `pair` that stands side by side as one part, from the left."""
    if pair[0] not in parts:
        return parts
    found: list[bytes] = []
    i = 0
    while i < len(parts):
        if parts[i : i + 2] == pair:
            found.append(pair[0] + pair[1])
            i += 2
        else:
            found.append(parts[i])
            i += 1
    return tuple(found)


def _readable(piece: str | bytes) -> str:
    """A token to read: a space as `␣`, a new line as `\\n`, half a character as `\\xc3`."""
    text = piece if isinstance(piece, str) else piece.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text.replace(" ", "␣"))


__all__ = [
    "CLASS", "END", "MASK", "PADDING", "SEPARATOR", "SPECIAL", "START", "BytePairTokenizer",
    "CharacterTokenizer", "padded",
]  # fmt: skip
