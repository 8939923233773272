"""A network that has learned to continue sequences, as the searches ask for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.networks.network import Network, a_network
from fluxlab.engine.text.search import NextToken
from fluxlab.engine.text.tokenizer import token_numbers


def next_token_of(network: Network, source: Sequence[int] = ()) -> NextToken:
    """The next_token function of a network that has learned to continue token sequences.

    network : its output at step t, (samples, steps, vocabulary), is about the token after step t
        of its input, as of a `Transformer`, an `EncoderDecoder` or a causal `Encoder`. Formed with
        a cross-entropy on logits, so that it predicts probabilities.
    source : the tokens that are read; they come before those that are written.

    The network is asked for plain numbers; what is not written yet is padding. Without a source,
    what is longer than the network has steps is seen through a window that slides: its last
    tokens only.
    """
    width = a_network("next_token_of", network)._data[0].shape[1]
    read = token_numbers("next_token_of", "source", source).ravel() if np.size(source) else source
    before = len(read)

    def next_token(tokens: Matrix) -> Array:
        written = tokens.value
        if not before:
            written = written[:, -width:]
        count, n = written.shape
        if before + n > width:
            raise BadInput(
                f"next_token_of: {network!r} has room for {width - before} tokens, the start "
                f"included; a length of {width - before} is the most that can be searched."
            )
        x = np.zeros((count, width))
        x[:, :before], x[:, before : before + n] = read, written
        with np.errstate(divide="ignore"):
            found: Array = np.log(network.predict(x)[:, n - 1])
        return found

    return next_token
