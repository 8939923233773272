"""Tokenizers: every text comes back, and merges are the most frequent pairs."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fluxlab as fl
from fluxlab.engine.text import tokenizer as tk

TEXT = "low low low low low lower lower newest newest newest newest newest newest widest widest"
ANY = st.text(st.characters(exclude_categories=()), max_size=60)  # lone surrogates too
PAIRS = fl.BytePairTokenizer.train(TEXT, 8)


@settings(max_examples=200, deadline=None)
@given(text=ANY)
def test_any_text_comes_back_from_byte_pairs(text: str) -> None:
    numbers = PAIRS.encode(text)
    assert PAIRS.decode(numbers) == text
    assert all(len(tk.SPECIAL) <= n < PAIRS.size for n in numbers)
    assert len(numbers) <= len(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(text=ANY, other=ANY, merges=st.integers(0, 30))
def test_any_text_comes_back_whatever_was_learned(text: str, other: str, merges: int) -> None:
    pairs = fl.BytePairTokenizer.train(other, merges)
    assert pairs.decode(pairs.encode(text)) == text
    characters = fl.CharacterTokenizer.train(text + other)
    assert characters.decode(characters.encode(text)) == text
    assert len(characters.encode(text)) == len(text)


@settings(max_examples=100, deadline=None)
@given(text=st.text("ab ", max_size=60), merges=st.integers(1, 12))
def test_every_merge_is_the_most_frequent_pair_of_its_moment(text: str, merges: int) -> None:
    """Counted anew from the text as it is cut with the merges before."""
    learned = fl.BytePairTokenizer.train(text, merges).merges
    for k in range(len(learned) + 1):
        before = fl.BytePairTokenizer(learned[:k])
        counts: Counter[tuple[bytes, bytes]] = Counter()
        for word in tk._words(text):
            cut = [before.pieces[n - len(tk.SPECIAL)] for n in before.encode(word)]
            counts.update(pairwise(cut))
        most = max(counts.values(), default=0)
        if k < len(learned):
            assert counts[learned[k]] == most >= 2
            ties = [pair for pair, n in counts.items() if n == most]
            assert learned[k] == min(ties)
        elif len(learned) < merges:
            assert most < 2, "learning ended although a pair occurs twice"


def test_merges_worked_by_hand() -> None:
    """Pairs in TEXT: e-s 8, s-t 8, w-e 8, l-o 7, o-w 7, ␣-l 6, ...; of equals the first."""
    assert PAIRS.readable_merges()[:3] == ["e + s -> es", "es + t -> est", "l + o -> lo"]
    assert PAIRS.readable_merges()[3] == "lo + w -> low"
    assert PAIRS.names(PAIRS.encode("lowest"))[:2] == ["low", "est"]
    assert PAIRS.names([0, 1, 2, 3, 4, 5]) == [
        "[padding]", "[start]", "[end]", "[mask]", "[separator]", "[class]",
    ]  # fmt: skip


def test_special_tokens_have_fixed_numbers_and_no_text() -> None:
    assert (fl.PADDING, fl.START, fl.END, fl.MASK, fl.SEPARATOR, fl.CLASS) == (0, 1, 2, 3, 4, 5)
    characters = fl.CharacterTokenizer.train("so it is\n")
    assert characters.size == 6 + 6
    assert characters.names()[6:] == ["\\n", "␣", "i", "o", "s", "t"]
    numbers = [fl.START, *characters.encode("it"), fl.MASK, *characters.encode("is"), fl.END, 0]
    assert characters.decode(numbers) == "itis"
    assert characters.decode(np.array([numbers, numbers])) == "itisitis"
    assert "[mask]" in characters.names(numbers)
    assert PAIRS.decode([fl.START, fl.END]) == ""
    assert characters.decode([]) == ""


def test_half_a_character_is_shown_and_decoded_without_failing() -> None:
    half = PAIRS.encode("é")[:1]
    assert PAIRS.names(half) == ["\\xc3"]
    assert PAIRS.decode(half) == "�"


def test_frequent_words_need_fewer_tokens() -> None:
    many = fl.BytePairTokenizer.train(TEXT, 40)
    lengths = [len(tok.encode("newest widest")) for tok in (fl.BytePairTokenizer(()), PAIRS, many)]
    assert lengths[0] == 13
    assert lengths[0] > lengths[1] > lengths[2]


def test_texts_of_unequal_length_are_padded_with_0() -> None:
    found = fl.padded([[7, 8, 9], [6], []])
    np.testing.assert_array_equal(found, [[7, 8, 9], [6, 0, 0], [0, 0, 0]])
    assert fl.padded([[7]], 3).shape == (1, 3)


def test_bad_input_says_what_to_do() -> None:
    characters = fl.CharacterTokenizer.train("abc")
    with pytest.raises(fl.BadInput, match="character 'z' is not among the 3"):
        characters.encode("abz")
    with pytest.raises(fl.BadInput, match=r"0 to 8, got 9"):
        characters.decode([6, 9])
    with pytest.raises(fl.BadInput, match=r"got 6\.5"):
        characters.decode([6.5])
    with pytest.raises(fl.BadInput, match="text must be a string, got bytes"):
        PAIRS.encode(b"abc")  # type: ignore[arg-type]
    with pytest.raises(fl.BadInput, match="merges must be a whole number, 0 or more, got -1"):
        fl.BytePairTokenizer.train("abc", -1)
    with pytest.raises(fl.BadInput, match="hold 3 tokens, got 2"):
        fl.padded([[7, 8, 9]], 2)
