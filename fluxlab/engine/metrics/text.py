"""Text: BLEU, ROUGE-N, ROUGE-L and perplexity (S2 16). All traceable.

A sentence is a text, split at white space, or a vector of word numbers (words,). To trace, turn
words into numbers first:

>>> (candidate, reference), words = number_words("the cat sat", "the cat sat down")
>>> fl.trace(lambda c, r: rouge_n(c, r, 2).recall, c=candidate, r=reference)

n-grams are compared all with all, a matrix (places in one, places in the other) with 1 where
they are the same. Everything else is sums and ratios of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fluxlab.engine.catalogue import ops
from fluxlab.engine.catalogue.losses import class_rows, one_minus
from fluxlab.engine.core.errors import BadInput, counted, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.metrics.shared import constant, named, numbers, values


class Rouge(NamedTuple):
    """Three numbers in 0..1; the name says recall-oriented: S2's formula is `recall`."""

    precision: Any
    recall: Any
    f1: Any


def number_words(*sentences: str) -> tuple[list[Array], list[str]]:
    """The sentences as vectors of word numbers (words,), and the words by number.

    Words are split at white space and numbered as they first occur. Case and punctuation count.
    """
    known: dict[str, int] = {}
    found = []
    for place, sentence in enumerate(sentences):
        if not isinstance(sentence, str) or not sentence.split():
            raise BadInput(
                f"number_words: sentence {place + 1} must be a text with at least one word, got "
                f"{sentence!r}."
            )
        each = [known.setdefault(word, len(known)) for word in sentence.split()]
        found.append(np.array(each, dtype=np.float64))
    return found, list(known)


def spaced(text: str) -> str:
    """The text with its punctuation marks as words of their own, as BLEU is usually counted.

    >>> spaced("It's 3.5, isn't it?")
    "It's 3.5 , isn't it ?"

    Apostrophes and hyphens stay within words, points and commas within numbers. (NIST's
    mteval-v13a, which sacrebleu takes by default; for plain text, so HTML's &amp; is not known.)
    """
    for mark, apart in (
        (r"([!-&(-+/:-@[-`{-~])", r" \1 "),
        (r"([^0-9])([.,])", r"\1 \2 "),
        (r"([.,])([^0-9])", r" \1 \2"),
        (r"([0-9])(-)", r"\1 \2 "),
    ):
        text = re.sub(mark, apart, f" {text} ")
    return " ".join(text.split())


# -- n-grams --------------------------------------------------------------------------------


def _is_sentence(given: Any) -> bool:
    if isinstance(given, str | Matrix):
        return True
    first = given[0] if isinstance(given, Sequence | np.ndarray) and len(given) else None
    return isinstance(first, int | float | np.number)


def _numbered(here: str, *sentences: Any) -> list[Any]:
    """All as vectors of word numbers; texts get one vocabulary."""
    if all(isinstance(sentence, str) for sentence in sentences):
        return list(number_words(*sentences)[0])
    found = []
    for sentence in sentences:
        if isinstance(sentence, str):
            raise BadInput(f"{here}: give all sentences as texts or all as word numbers, not both.")
        vector = numbers(here, "a sentence", sentence)
        if len(vector.shape) != 1:
            raise BadInput(
                f"{here}: a sentence must be a text or a vector (words,), got {size(vector.shape)}."
            )
        found.append(vector)
    return found


def _whole(here: str, argument: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadInput(f"{here}: {argument} must be a whole number, 1 or more, got {value!r}.")
    return value


def _places(sentence: Any, n: int) -> int:
    """How many n-grams a sentence has."""
    return max(int(sentence.shape[0]) - n + 1, 0)


def _same_words(left: Any, right: Any) -> Any:
    """(words of left, words of right): 1 where the word is the same."""
    apart = ops.subtract(ops.reshape(left, (-1, 1)), ops.reshape(right, (1, -1)))
    return named(one_minus(ops.greater(ops.absolute(apart), 0.0)), "same words")


def _same_ngrams(left: Any, right: Any, order: int) -> list[Any]:
    """For n = 1 to `order`: (n-grams of left, of right), 1 where they are the same.

    n words in a row are the same if the first n - 1 and the last are. The list ends where a
    sentence has no n-gram.
    """
    words = _same_words(left, right)
    found = [words]
    for n in range(2, min(order, *words.shape) + 1):
        rows, columns = (side - n + 1 for side in words.shape)
        first, last = found[-1][0:rows, 0:columns], words[n - 1 :, n - 1 :]
        found.append(named(ops.multiply(first, last), f"same {n}-grams"))
    return found


def _matched(candidate: Any, references: Sequence[Any], orders: Sequence[int]) -> dict[int, Any]:
    """For each n of `orders`: how many n-grams of the candidate a reference has.

    An n-gram that stands `own` times in the candidate and `there` times in the reference that
    has it most counts min(own, there) times; each of its places is there / max(own, there) of
    one. An n is left out if the candidate has no n-gram.
    """
    longest = max(orders)
    ladders = [_same_ngrams(candidate, reference, longest) for reference in references]
    own_ladder = _same_ngrams(candidate, candidate, longest)
    found = {}
    for n in [n for n in orders if n <= len(own_ladder)]:
        there: Any = None
        for ladder in ladders:
            if len(ladder) >= n:
                times = named(ops.sum(ladder[n - 1], axis=1), f"{n}-grams there")
                there = times if there is None else ops.maximum(there, times)
        if there is None:
            found[n] = constant(candidate, 0.0, f"{n}-grams matched")
            continue
        own = named(ops.sum(own_ladder[n - 1], axis=1), f"{n}-grams own")
        share = ops.divide(there, ops.maximum(own, there))
        found[n] = named(ops.sum(share), f"{n}-grams matched")
    return found


# -- BLEU -----------------------------------------------------------------------------------


def bleu(candidates: Any, references: Any, order: int = 4) -> Any:
    """BP × (p1 p2 ... p_order)^(1 / order), in 0..1: n-grams of the candidate that are right.

    Parameters
    ----------
    candidates : a sentence, or a list of sentences: then the counts of all are added up first,
        as BLEU is meant. Texts are split at white space; `spaced` sets punctuation apart first.
    references : for each candidate a sentence, or a list of them. An n-gram counts as often as
        the reference has it that has it most.
    order : the longest n-grams, 4 as in the paper.

    p_n is the share of n-grams that are right, BP = min(1, e^(1 - r/c)) for c words of candidates
    and r of the references nearest in length (the shorter of equals). There is no smoothing: one
    p_n of 0 gives 0, and so does a candidate that is too short to have an n-gram.
    (Papineni et al., 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation")
    """
    _whole("bleu", "order", order)
    pairs = _pairs(candidates, references)
    like = next((c for c, _ in pairs if isinstance(c, Matrix)), pairs[0][0])
    found = [_matched(candidate, several, range(1, order + 1)) for candidate, several in pairs]
    product: Any = None
    for n in range(1, order + 1):
        parts = [matched[n] for matched in found if n in matched]
        right = parts[0] if parts else constant(like, 0.0, f"no {n}-grams")
        for part in parts[1:]:
            right = ops.add(right, part)
        total = sum(_places(candidate, n) for candidate, _ in pairs)
        share = named(ops.divide(right, float(max(total, 1))), f"precision {n}")
        product = share if product is None else ops.multiply(product, share)
    mean = named(ops.power(product, exponent=1 / order), "geometric mean")
    said = sum(int(c.shape[0]) for c, _ in pairs)
    wanted = sum(_nearest(int(c.shape[0]), several) for c, several in pairs)
    wanted = constant(like, float(wanted), "words wanted")
    longer = named(ops.divide(wanted, constant(like, float(said), "words said")), "r / c")
    missing = named(ops.maximum(ops.subtract(longer, 1.0), 0.0), "words missing")
    brevity = named(ops.exp(ops.negate(missing)), "brevity penalty")
    return named(ops.multiply(brevity, mean), "BLEU")


def _pairs(candidates: Any, references: Any) -> list[tuple[Any, list[Any]]]:
    """Each candidate with its references, all as word numbers."""
    if _is_sentence(candidates):
        candidates, references = [candidates], [references]
    for argument, given in (("candidates", candidates), ("references", references)):
        if _is_sentence(given) or not isinstance(given, list | tuple) or not given:
            raise BadInput(
                f"bleu: {argument} must be a sentence or a list of sentences, got {given!r}. A "
                "list of candidates needs a list of references."
            )
    if len(references) != len(candidates):
        raise BadInput(
            f"bleu: {counted(len(candidates), 'candidate')} but references for {len(references)}; "
            "give each candidate its reference, or its list of references."
        )
    if any(not _is_sentence(r) and not isinstance(r, list | tuple) for r in references):
        raise BadInput(
            f"bleu: references must hold a sentence or a list of them for each candidate, got "
            f"{references!r}."
        )
    lists = [[r] if _is_sentence(r) else list(r) for r in references]
    if not all(lists):
        raise BadInput("bleu: a candidate has no reference; give each at least one.")
    flat = _numbered("bleu", *candidates, *(r for several in lists for r in several))
    rest = iter(flat[len(candidates) :])
    return [
        (candidate, [next(rest) for _ in several])
        for candidate, several in zip(flat, lists, strict=False)
    ]


def _nearest(length: int, references: list[Any]) -> int:
    lengths = [int(r.shape[0]) for r in references]
    return min(lengths, key=lambda other: (abs(other - length), other))


# -- ROUGE ----------------------------------------------------------------------------------


def _rouge(name: str, matched: Any, said: int, wanted: int) -> Rouge:
    """Shares of what was said and of what was wanted; nothing out of nothing is 0."""
    return Rouge(
        named(ops.divide(matched, float(max(said, 1))), f"{name} precision"),
        named(ops.divide(matched, float(max(wanted, 1))), f"{name} recall"),
        named(ops.divide(ops.multiply(2.0, matched), float(max(said + wanted, 1))), f"{name} F1"),
    )


def rouge_n(candidate: Any, reference: Any, n: int = 1) -> Rouge:
    """The n-grams that both have: their share of the candidate's, of the reference's, and F1.

    Each n-gram counts at most as often as both have it. A sentence too short to have an n-gram
    gives 0. (Lin, 2004, "ROUGE: A Package for Automatic Evaluation of Summaries")
    """
    _whole("rouge_n", "n", n)
    candidate, reference = _numbered("rouge_n", candidate, reference)
    matched = _matched(candidate, [reference], [n]).get(n)
    if matched is None:
        matched = constant(candidate, 0.0, f"no {n}-grams")
    return _rouge(f"ROUGE-{n}", matched, _places(candidate, n), _places(reference, n))


def rouge_l(candidate: Any, reference: Any) -> Rouge:
    """The longest common subsequence: its share of the candidate, of the reference, and F1.

    Cell j of row i is the length for the first i words of the candidate and the first j of the
    reference: the largest of the cell above, the cell to the left, and the cell above left, plus 1
    if the two words are the same. (Lin, 2004, with F1 in place of its weighted F)
    """
    candidate, reference = _numbered("rouge_l", candidate, reference)
    words = _same_words(candidate, reference)
    said, wanted = words.shape
    before = np.tri(wanted)
    row: Any = np.zeros(wanted + 1)
    for i in range(said):
        # "The cell to the left" for all cells at once is the largest of the cells so far.
        here = ops.maximum(row[1:], ops.add(row[:-1], words[i]))
        so_far = ops.max(ops.multiply(before, ops.reshape(here, (1, -1))), axis=1)
        row = named(ops.pad(so_far, [(1, 0)]), f"longest, {counted(i + 1, 'word')}")
    return _rouge("ROUGE-L", row[wanted], said, wanted)


# -- perplexity -----------------------------------------------------------------------------


def perplexity(y: Any, t: Any) -> Any:
    """e^(mean of -ln p), p the probability given to each token that came.

    Parameters
    ----------
    y : probabilities (tokens, vocabulary), or with more axes in front.
    t : one-hot, of the same shape, or token numbers without the last axis.

    1 for a model that is sure and right; V for one that guesses among V words; infinite if a
    token came that had probability 0. Lower is less perplexed, and better. (S2 has it reversed.)
    """
    y, t = numbers("perplexity", "y", y), numbers("perplexity", "t", t)
    said = values(y)
    if said.ndim < 2 or np.any(said < 0) or np.any(np.abs(said.sum(axis=-1) - 1) > 1e-6):
        raise BadInput(
            f"perplexity: y must hold probabilities (tokens, vocabulary), each row with sum 1; got "
            f"{size(said.shape)}. For logits give fl.softmax(a)."
        )
    if t.shape != y.shape:
        if int(np.prod(t.shape)) * said.shape[-1] != said.size:
            raise BadInput(
                f"perplexity: y is {size(y.shape)} and t {size(t.shape)}; t must be one-hot of "
                "the same shape, or hold one token number for each row."
            )
        flat = ops.reshape(t, (-1,))
        rows = ops.rows(np.eye(y.shape[-1]), flat) if isinstance(t, Matrix) else None
        if rows is None:
            rows = class_rows("perplexity", "t", t, y.shape[-1])
        t = ops.reshape(rows, y.shape)
    truth = values(t)
    if np.any((truth != 0) & (truth != 1)) or np.any(truth.sum(axis=-1) != 1):
        raise BadInput("perplexity: t must be one-hot: a single 1 in each row, else 0.")
    came = named(ops.sum(ops.multiply(y, t), axis=-1), "probability of what came")
    if not isinstance(came, Matrix) and np.any(came == 0):
        return np.inf  # outside a trace, ops refuse what is not finite
    surprise = named(ops.negate(ops.log(came)), "surprise")
    return named(ops.exp(ops.mean(surprise)), "perplexity")
