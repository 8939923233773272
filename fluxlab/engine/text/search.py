"""Greedy and beam search: the most probable sequence of tokens, as a trace of hypotheses.

Both ask a `next_token` function again and again what may come next. It gets the tokens so far
as a matrix of the trace, (hypotheses, tokens), and gives the logarithm of each token's
probability to be the next, (hypotheses, vocabulary). It may compute with the matrix, and then
every score can be asked why, down to the weights; or it may take `tokens.value` and give plain
numbers, and then the questions end there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.ops import (
    add,
    argmax,
    concatenate,
    max,
    multiply,
    reshape,
    rows,
    top,
)  # fmt: skip
from fluxlab.engine.core.disk import check_sums, path_of, read, write
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import as_numbers, whole
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.readers.plain import from_plain, to_plain
from fluxlab.engine.text.tokenizer import PADDING
from fluxlab.engine.tracing import Trace

NextToken = Callable[..., Any]
FORMAT = "fluxlab search 1"
IMPOSSIBLE = -1e9  # stands for the logarithm of 0, which is no finite number


@dataclass(frozen=True)
class Candidate:
    """One continuation of one hypothesis: a branch of the tree.

    Attributes
    ----------
    step : 1 for the first token after the start. token : its number.
    parent : the candidate that it continues; None at the first step.
    log_p : of this token after that one. score : the sum along the branch.
    place : its place in the beam, 0 for the best; None if it was dropped.
    """

    step: int
    token: int
    parent: Candidate | None
    log_p: float
    score: float
    place: int | None

    @property
    def tokens(self) -> list[int]:
        """The tokens of the branch, without the start."""
        return [*([] if self.parent is None else self.parent.tokens), self.token]


@dataclass(frozen=True)
class Search:
    """A search that was made; everything is read from its trace.

    trace : per step "log p", "candidates" (the score of each hypothesis with each token),
        "allowed candidates" (those, where finished hypotheses only stay as they are), "chosen"
        (places of the best), "parent", "token", "score" and "tokens". steps : how many there are.
    """

    trace: Trace
    steps: int
    start: tuple[int, ...]
    end: int | None

    def save(self, path: str | Path) -> None:
        """Write the search to one file; `Search.load(path)` gives it back, with all its steps."""
        plain, arrays = to_plain(self.trace)
        header = {"trace": plain, "steps": self.steps, "start": self.start, "end": self.end}
        write(path_of("save", path), FORMAT, header, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Search:
        """A saved search. Every number of it can be asked; it cannot go on searching."""
        place = path_of("load", path)
        header, arrays = read(place, FORMAT, "a search")
        trace = Trace("search")
        try:
            from_plain(trace, header["trace"], arrays)
            whole("load", "steps", header["steps"], 1)
            made = cls(trace, header["steps"], tuple(header["start"]), header["end"])
            check_sums(place, header, arrays)
            _ = made.tree(), made.hypotheses  # what it lacks is missed now, not when it is asked
            return made
        except BadInput:
            raise
        except Exception as problem:  # whatever a header written by something else leads to
            raise BadInput(
                f"load: {place.name} is not a search that this FluxLab can read ({problem!r}). It "
                "may come from another version, or be something else."
            ) from None

    @property
    def hypotheses(self) -> list[tuple[list[int], float]]:
        """The last beam, the best first: (tokens without start and padding, log-probability)."""
        last = f"step {self.steps}"
        tokens, scores = self.trace[f"{last}/tokens"].value, self.trace[f"{last}/score"].value
        found = []
        for row, score in zip(tokens.astype(int), scores.ravel(), strict=True):
            new = [int(t) for t in row[len(self.start) :]]
            if self.end in new:
                new = new[: new.index(self.end) + 1]
            found.append((new, float(score)))
        return found

    @property
    def best(self) -> list[int]:
        """The tokens of the best hypothesis, without the start; the end token is its last."""
        return self.hypotheses[0][0]

    @property
    def score(self) -> float:
        """The logarithm of the best hypothesis' probability."""
        return self.hypotheses[0][1]

    def tree(self) -> list[Candidate]:
        """Every continuation that was scored, step by step; those in a beam have a place.

        Continuations of a finished hypothesis, and those of probability 0, are not in it.
        """
        made: list[Candidate] = []
        beam: list[Candidate | None] = [None]
        for step in range(1, self.steps + 1):
            scores = self.trace[f"step {step}/allowed candidates"].value
            log_p = self.trace[f"step {step}/log p"].value
            chosen = self.trace[f"step {step}/chosen"].value.astype(int).ravel().tolist()
            kept: dict[int, Candidate] = {}
            for number, score in enumerate(scores.ravel().tolist()):
                row, token = divmod(number, scores.shape[1])
                parent = beam[row]
                if parent is not None and parent.token == self.end and token == PADDING:
                    kept[number] = parent  # it stays as it is
                elif score > IMPOSSIBLE / 2 or number in chosen:
                    place = chosen.index(number) if number in chosen else None
                    made.append(Candidate(step, token, parent, log_p[row, token], score, place))
                    kept[number] = made[-1]
            beam = [kept[number] for number in chosen]
        return made


def beam_search(
    next_token: NextToken, start: Any, *, width: int, length: int, end: int | None = None,
    **matrices: Any,
) -> Search:  # fmt: skip
    """Keep the `width` most probable hypotheses at each step.

    Parameters
    ----------
    next_token : see above; `next_token(tokens, **matrices)`.
    start : the tokens to begin with: one number, or a list.
    width : how many hypotheses are kept (the beam size k).
    length : at most so many tokens come after the start.
    end : a hypothesis with this token is finished: it keeps its score and competes with the
        others; it is filled up with padding. None: all go on to the full length.
    matrices : what next_token computes with; they become inputs of the trace.

    The score of a hypothesis is the logarithm of its probability: the sum of its tokens'. It is
    not divided by the length. Of equal scores the first is taken. C is the best one's score.
    """
    return _search("beam_search", next_token, start, width, length, end, matrices)


def greedy_search(
    next_token: NextToken, start: Any, *, length: int, end: int | None = None, **matrices: Any
) -> Search:
    """Take the most probable next token at each step; see `beam_search`."""
    return _search("greedy_search", next_token, start, None, length, end, matrices)


def _search(
    name: str, next_token: NextToken, start: Any, width: int | None, length: int,
    end: int | None, matrices: dict[str, Any],
) -> Search:  # fmt: skip
    whole(name, "length", length, 1)
    whole(name, "width", 1 if width is None else width, 1)
    if not callable(next_token):
        raise BadInput(f"{name}: next_token must be a function, got {type(next_token).__name__}.")
    first = as_numbers(name, "start", start)
    if first.ndim > 1 or np.any(first < 0) or np.any(first != np.floor(first)):
        raise BadInput(f"{name}: start must be one token number or a list of them, got {start!r}.")
    if end is not None:
        whole(name, "end", end, 0)
    if end is not None and first.ravel()[-1] in (end, PADDING):
        raise BadInput(f"{name}: start, {start!r}, is finished already; end is {end} or padding.")
    trace = Trace("greedy search" if width is None else f"beam search, {width} wide")
    given = {key: trace.input(key, value) for key, value in matrices.items()}
    tokens = trace.input("start", first.reshape(1, -1), axes=("hypothesis", "place"))
    tokens.wants_gradient = False
    score = trace.constant([[0.0]]).named("score of the start")
    steps = 0
    while steps < length and not (end is not None and _all_finished(tokens, end)):
        steps += 1
        with scope(f"step {steps}"):
            with scope("next token"), trace.following(next_token):
                found = next_token(tokens, **given)
            log_p = _log_p(name, trace, f"step {steps}", found, tokens, end)
            candidates = add(score, log_p).named("candidates", axes=log_p.axes)
            if end is not None:
                with scope("ending"):
                    candidates = _ending(trace, candidates, score, tokens, end)
            trace.alias(f"step {steps}/allowed candidates", candidates)
            tokens, score = _one_step(trace, candidates, tokens, width)
    best: Matrix = score[0, 0]
    trace.finish(best)
    return Search(trace, steps, tuple(int(t) for t in first.ravel()), end)


def _all_finished(tokens: Matrix, end: int) -> bool:
    return bool(np.isin(tokens.buffer[:, -1], (end, PADDING)).all())


def _log_p(
    name: str, trace: Trace, place: str, found: Any, tokens: Matrix, end: int | None
) -> Matrix:
    """What next_token gave, (hypotheses, vocabulary), checked."""
    if not isinstance(found, Matrix):  # plain numbers
        numbers = np.array(found, dtype=np.float64)
        numbers[numbers == -np.inf] = IMPOSSIBLE
        found = trace.input("log p", as_numbers(name, "the result of next_token", numbers))
    count = tokens.shape[0]
    if len(found.shape) != 2 or found.shape[0] != count:
        raise BadInput(
            f"{name}: next_token must give one row per hypothesis and one column per token, "
            f"{count}×vocabulary; got {size(found.shape)}."
        )
    if not np.all(found.buffer <= 1e-9):  # NaN too
        raise BadInput(
            f"{name}: next_token must give logarithms of probabilities, 0 or less; got "
            f"{np.max(found.buffer):g}. Of logits take fl.log(fl.softmax(logits))."
        )
    if end is not None and end not in range(found.shape[1]):
        raise BadInput(f"{name}: end must be 0 to {found.shape[1] - 1}, got {end!r}.")
    log_p: Matrix = found.named("log p") if found.temporary else found
    log_p.axes = ("hypothesis", "token")
    trace.alias(f"{place}/log p", log_p)
    return log_p


def _ending(trace: Trace, candidates: Matrix, score: Matrix, tokens: Matrix, end: int) -> Matrix:
    """The candidates' scores where padding comes after the end, at no cost, and only there.

    A finished hypothesis takes its row from the lower half of `choices`, in which padding keeps
    its score and all else is impossible.
    """
    count, vocabulary = candidates.shape
    ends = trace.constant(np.isin(np.arange(vocabulary), (end, PADDING)) * 1.0)
    last = tokens[:, -1].named("last token")
    finished = rows(ends.named("tokens that end"), last).named("finished")
    never = trace.constant(np.full((count, vocabulary - 1), IMPOSSIBLE)).named("impossible")
    words = candidates[:, 1:].named("all but padding")
    going = concatenate([never[:, :1].named("no padding"), words], axis=1).named("going on")
    stay = concatenate([score, never], axis=1).named("staying")
    choices = concatenate([going, stay], axis=0).named("choices")
    own = trace.constant(np.arange(count)).named("own row")
    row = add(own, multiply(finished, float(count)).named("half down")).named("row")
    allowed: Matrix = rows(choices, row)
    return allowed.named("allowed candidates", axes=candidates.axes)


def _one_step(
    trace: Trace, candidates: Matrix, tokens: Matrix, width: int | None
) -> tuple[Matrix, Matrix]:
    """The tokens and scores after one more token: the best candidates'."""
    count, vocabulary = candidates.shape
    if width is None:
        token = argmax(candidates, axis=1).named("token")
        trace.alias(f"{token.scope}/chosen", token)
        parent = trace.constant([0.0])
        score = max(candidates, axis=1, keepdims=True)
    else:
        flat = reshape(candidates, (-1,)).named("all candidates")
        # The beam's size is decided here, by the numbers of the recording.
        possible = int(np.sum(flat.buffer > IMPOSSIBLE / 2))
        chosen = top(flat, min(width, possible or 1)).named("chosen")
        numbers = np.arange(count * vocabulary)
        parent = rows(trace.constant(numbers // vocabulary).named("parent of each"), chosen)
        token = rows(trace.constant(numbers % vocabulary).named("token of each"), chosen)
        score = reshape(rows(flat, chosen).named("best scores"), (-1, 1))
    parent.named("parent")
    token.named("token")
    before = rows(tokens, parent).named("tokens before")
    longer = concatenate([before, reshape(token, (-1, 1)).named("token column")], axis=1)
    return (
        longer.named("tokens", axes=("hypothesis", "place")),
        score.named("score", axes=("hypothesis", None)),
    )


__all__ = ["Candidate", "Search", "beam_search", "greedy_search"]
