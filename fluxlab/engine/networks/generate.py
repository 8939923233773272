"""Text, or other tokens, written by a network that has learned what comes next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import Array, bounded, whole
from fluxlab.engine.networks.network import Network, a_network
from fluxlab.engine.text.tokenizer import END, token_numbers


def generate(
    network: Network,
    prompt: str | Sequence[int],
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> str | list[int]:
    """Go on from a prompt: each new token is drawn by the network's probabilities.

    Parameters
    ----------
    network : its output at step t, (samples, steps, vocabulary), is about the token after step t
        of its input, as of a causal `Encoder` with a cross-entropy on logits.
    prompt : a text, if the network has a tokenizer (`net.tokenizer`), else token numbers.
    length : how many tokens to write. A text ends earlier where the end token is drawn.
    temperature : below 1 the likeliest become likelier, above 1 all become more alike; 0 takes
        the likeliest each time.
    top_k : draw from the k likeliest only.

    What is written comes back without the prompt, as a text or as a list of numbers. Beyond as
    many tokens as the network has steps it sees the last of them only: a window that slides.
    """
    width = a_network("generate", network)._data[0].shape[1]
    bounded("generate", "temperature", temperature, least=0)
    for argument, value, least in (("length", length, 1), ("seed", seed, 0)):
        whole("generate", argument, value, least)
    if top_k is not None:
        whole("generate", "top_k", top_k, 1)
    tokens, written = _tokens(network, prompt), list[int]()
    draw = np.random.default_rng(seed)
    for _ in range(length):
        p = _warmed(next_probabilities(network, [*tokens, *written], width), temperature, top_k)
        written.append(int(draw.choice(len(p), p=p)))
        if isinstance(prompt, str) and written[-1] == END:
            break
    if isinstance(prompt, str):
        assert network.tokenizer is not None
        return network.tokenizer.decode(written)
    return written


def next_probabilities(network: Network, tokens: Sequence[int], width: int) -> Array:
    """How likely each token is next, (vocabulary,), after the last `width` of those tokens."""
    seen = tokens[-width:]
    x = np.zeros((1, width))
    x[0, : len(seen)] = seen
    y = network.predict(x)
    if y.ndim != 3 or y.shape[1] != width:
        raise BadInput(
            f"generate: {network!r} must give one row of probabilities for each step, "
            f"(samples, {width}, vocabulary), and gives {y.shape}. A causal Encoder with a Dense "
            "layer behind it does."
        )
    found: Array = y[0, len(seen) - 1]
    if (found < -1e-9).any() or abs(found.sum() - 1) > 1e-6:
        raise BadInput(
            "generate: the network's outputs are no probabilities. Form it with "
            'cost="cross_entropy_logits", or with a softmax.'
        )
    return found


def _tokens(network: Network, prompt: str | Sequence[int]) -> list[int]:
    if isinstance(prompt, str):
        if network.tokenizer is None:
            raise BadInput(
                "generate: prompt is a text, and the network has no tokenizer. Give it one, "
                "net.tokenizer = tokenizer, or give tokenizer.encode(prompt)."
            )
        prompt = network.tokenizer.encode(prompt)
    if not np.size(prompt):
        raise BadInput("generate: prompt must hold one token at least.")
    return [int(n) for n in token_numbers("generate", "prompt", prompt).ravel()]


def _warmed(p: Array, temperature: float, top_k: int | None) -> Array:
    """The probabilities at a temperature, of the k likeliest; of equals the first are taken."""
    order = np.argsort(-p, kind="stable")
    kept = order[: 1 if temperature == 0 else top_k]
    with np.errstate(divide="ignore"):
        a = np.log(p[kept]) / (temperature or 1.0)
    found = np.zeros(len(p))
    found[kept] = np.exp(a - a.max())
    found /= found.sum()
    return found
