"""A bigram language model, searched by beam: each token's chances depend on the one before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.catalogue.ops import log, rows
from fluxlab.engine.catalogue.rowwise import softmax
from fluxlab.engine.text.search import beam_search
from fluxlab.engine.tracing import Trace


def bigram(tokens: Any, w: Any) -> Any:
    """log p of the next token, (hypotheses, vocabulary), from the last of each hypothesis.

    w : (vocabulary, vocabulary), one row of logits for each token.
    """
    last = tokens[:, -1]
    logits = rows(w, last)
    p = softmax(logits)
    return log(p)


def EXAMPLE() -> Trace:
    """Five tokens (2 is the end), two hypotheses at a time, three steps; the gradient at w too.

    The more probable first token, 3, leads nowhere: the best sentence, 4 2, begins with the other.
    """
    p = np.array(
        [
            [0.96, 0.01, 0.01, 0.01, 0.01],  # after padding, which never happens
            [0.01, 0.02, 0.07, 0.50, 0.40],  # after the start
            [0.96, 0.01, 0.01, 0.01, 0.01],  # after the end, which never happens
            [0.01, 0.29, 0.25, 0.21, 0.24],
            [0.01, 0.02, 0.90, 0.04, 0.03],
        ]
    )
    found = beam_search(bigram, 1, width=2, length=3, end=2, w=np.log(p))
    found.trace.backward()
    return found.trace
