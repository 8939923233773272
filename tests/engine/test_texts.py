"""What explanations say: terms that add up, words, formulas that typeset, shapes that are true."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser
from traces import NAMES, trace_of

import fluxlab as fl
from fluxlab.engine.core.errors import counted
from fluxlab.engine.readers.explain import _largest, explain

latex2mathml = pytest.importorskip("latex2mathml.converter")


def sample(matrix: Any, count: int = 3) -> list[tuple[int, ...]]:
    draw, cells = np.random.default_rng(0), list(np.ndindex(*matrix.shape))
    return [cells[i] for i in draw.permutation(len(cells))[:count]]


@pytest.mark.parametrize("name", NAMES)
def test_terms_and_rest_add_up(name: str) -> None:
    for matrix in trace_of(name).matrices.values():
        for cell in sample(matrix):
            for limit in (1, 4, 12):
                found = explain(matrix, *cell, limit=limit)
                assert found.value == float(matrix.buffer[cell])
                assert found.index == cell
                assert found.matrix is matrix
                recomputed = found.recompute()
                scale = max([abs(t.value) for t in found.terms], default=0.0)
                room = 1e-12 * max(scale, abs(found.value))
                assert abs(recomputed - found.value) <= room
                if found.joined in ("sum", "mean", "moved"):
                    assert len(found.terms) <= limit
                    total = sum(t.value for t in found.terms) + found.rest_total
                    many = len(found.terms) + found.rest_count
                    assert abs(total - found.value) <= 1e-12 * many * max(scale, 1e-3)
                    sizes = [abs(t.value) for t in found.terms]
                    assert sizes == sorted(sizes, reverse=True), "the largest first"
                if found.joined == "sum":
                    for term in found.terms:
                        product = float(np.prod([ref.value for ref in term.factors]))
                        assert term.value == pytest.approx(product, rel=1e-12)
                for term in found.terms:
                    for ref in term.factors:
                        assert ref.value == float(ref.matrix.buffer[ref.index])
                        assert ref.matrix in set(matrix.step.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_where_a_cell_goes(name: str) -> None:
    for matrix in trace_of(name).matrices.values():
        for cell in sample(matrix, 2):
            for use in explain(matrix, *cell).goes_to:
                assert matrix in set(use.step.inputs)
                assert use.matrix is use.step.output
                assert use.count == len(use.indices) <= use.matrix.buffer.size
                assert use.words
                out = tuple(map(int, use.indices[0]))
                made_of = use.step.op.cells(out, use.step)
                assert any(
                    use.step.inputs[k] is matrix and cell in {tuple(map(int, w)) for w in where}
                    for k, where in made_of
                )


@pytest.mark.parametrize("name", NAMES)
def test_formulas_typeset(name: str) -> None:
    trace = trace_of(name)
    for step in trace.steps:
        latex2mathml.convert(step.latex())
        assert "<0>" not in step.latex() + step.words() + step.numpy(), step.latex()
        assert step.words()
        assert "\n" not in step.numpy()
    for matrix in trace.matrices.values():
        latex2mathml.convert(matrix.latex)
        for cell in sample(matrix, 2):
            found = explain(matrix, *cell)
            mathml = latex2mathml.convert(f"{found.formula} {found.numbers}")
            for text in (found.formula, found.numbers, found.words, found.shapes, str(found)):
                assert text
                assert not re.search(r"<\d>|<[a-z]+>", text), text
                assert balanced(text), text
            assert "merror" not in mathml
            assert found._repr_latex_().startswith("$")


def balanced(text: str) -> bool:
    depth = 0
    for mark in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if mark == "{" else -1
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("name", ["models.dense", "models.neuron", "softmax"])
def test_formulas_typeset_in_matplotlib_too(name: str) -> None:
    """The static pictures use mathtext; it knows less of LaTeX."""
    parser = MathTextParser("path")
    for step in trace_of(name).steps:
        text = step.latex().replace(r"\top", "T").replace(r"\text", r"\mathrm")
        if r"\underbrace" not in text:
            parser.parse(f"${text}$")


@pytest.mark.parametrize("name", NAMES)
def test_the_numpy_line_is_python(name: str) -> None:
    for step in trace_of(name).steps:
        line = step.numpy()
        if "..." not in line:
            ast.parse(line)


def test_the_numpy_lines_of_a_network_compute_it() -> None:
    """Each line, run by Python itself on the other matrices, gives the step's numbers."""
    ran = 0
    for name in ("models.dense", "models.neuron", "two_layers", "used_again"):
        trace = trace_of(name)
        for step in trace.steps:
            left, _, right = step.numpy().partition(" = ")
            names = {"np": np}
            for m in step.inputs:
                called = trace.called(m, step.scope)
                names[re.sub(r"\W+", "_", called).strip("_")] = m.value
            if not right or not left.isidentifier() or step.op.name == "scatter":
                continue
            try:
                found = eval(right.split("  #")[0], names)
            except (NameError, SyntaxError):
                continue  # inputs that are called by their own formula
            np.testing.assert_allclose(found, step.output.value, rtol=1e-12, err_msg=step.numpy())
            ran += 1
    assert ran > 25


def test_long_sums_are_never_cut_silently() -> None:
    draw = np.random.default_rng(0)
    x, w = draw.normal(size=(2, 5000)), draw.normal(size=(5000, 3))
    trace = fl.trace(lambda x, w: fl.tanh(x @ w), x=x, w=w)
    found = trace["a"].explain(1, 2)
    assert len(found.terms) == 12
    assert found.rest_count == 4988
    products = x[1] * w[:, 2]
    largest = np.sort(np.abs(products))[::-1][:12]
    np.testing.assert_allclose([abs(t.value) for t in found.terms], largest)
    shown = {t.factors[0].index[1] for t in found.terms}
    rest = sum(p for k, p in enumerate(products) if k not in shown)
    assert found.rest_total == pytest.approx(rest, rel=1e-10)
    assert "4988 smaller terms" in str(found)
    assert "more" in found.numbers
    assert found.recompute() == pytest.approx(found.value, rel=1e-12)
    use = trace["w"].explain(7, 1).goes_to[0]
    assert use.count == 2


def test_words_and_shapes_of_a_weights_gradient() -> None:
    x, y = fl.data.parity(4)
    net = fl.form_network([8, 1], x, y)
    fl.back_propagation(net)
    found = net.trace["layer 1/dC_dw"].explain(2, 5)
    assert found.numpy == "dC_dw = x.T @ dC_da"
    assert "the 16 samples" in found.words
    assert "4×8" in found.shapes
    assert "transposed" in found.shapes
    assert "16 samples are summed away" in found.shapes
    assert found.joined == "sum"
    assert r"\frac{\partial C}{\partial w_{2,5}}" in found.formula
    bias = net.trace["layer 1/dC_db"].explain(0, 3)
    assert "1×8" in bias.shapes
    slope = net.trace["layer 1/dh_da"].explain(0, 0)
    assert "steeply" in slope.words
    assert net.trace["layer 1/w"].explain(0, 0).joined == "input"
    assert "parameter" in net.trace["layer 1/w"].explain(0, 0).words
    assert "always 1" in net.trace["dC_dC"].explain().words


def test_negative_and_numpy_indices() -> None:
    matrix = trace_of("models.dense")["layer 1/a"]
    assert matrix.explain(-1, -2).index == (4, 2)
    assert matrix.explain(np.int64(1), np.intp(2)).index == (1, 2)


def test_infinite_numbers_are_explained_too() -> None:
    trace = fl.trace(lambda w: fl.exp(w) - fl.exp(w), w=[800.0, 1.0])
    for matrix in trace.matrices.values():
        for cell in np.ndindex(*matrix.shape):
            found = matrix.explain(*cell)
            latex2mathml.convert(f"{found.formula} {found.numbers}")
            assert str(found)
    assert np.isnan(trace.steps[-1].inputs[0].explain(0).value)


def test_the_terms_listed_are_the_first_of_a_full_sort() -> None:
    """Equal terms included: the first of them comes first."""
    draw = np.random.default_rng(0)
    for _ in range(200):
        rank = draw.integers(0, 4, int(draw.integers(0, 30))).astype(float)
        rank[draw.random(len(rank)) < 0.1] = np.inf
        for count in (1, 3, 12, 40):
            expected = np.argsort(-rank, kind="stable")[:count]
            np.testing.assert_array_equal(_largest(rank, count), expected)


def test_a_sum_that_is_multiplied_stands_in_brackets() -> None:
    mixed = fl.trace(lambda h, z, g: (1 - z) * h + z * g, h=[1.0], z=[0.3], g=[2.0]).steps[-1]
    assert mixed.latex() == r"C = ((1 - z) \odot h) + (z \odot g)"
    kept = mixed.inputs[0].step
    assert kept.latex() == r"(1 - z) \odot h"
    assert kept.words() == "(1 - z) times h, cell by cell"
    turned = fl.trace(lambda u, w1: u * -w1, u=[1.0], w1=[2.0]).steps[1]
    assert turned.latex() == r"C = u \odot (-w_{1})"


def test_a_part_says_which_part() -> None:
    trace = trace_of("models.gru")
    assert trace["layer 1/step 2/r"].step.latex() == r"r = {\text{gates}}_{:, 4:8}"
    assert trace["layer 1/step 2/z"].step.latex() == r"z = {\text{gates}}_{:, 0:4}"
    assert "u_{g}" in trace["layer 1/step 2/a of g from h"].step.latex()


@pytest.mark.parametrize(
    ("noun", "several"),
    [("sample", "samples"), ("query", "queries"), ("key", "keys"), ("patch", "patches"),
     ("hypothesis", "hypotheses"), ("class", "classes")],
)  # fmt: skip
def test_several_of_a_kind(noun: str, several: str) -> None:
    assert (counted(1, noun), counted(2, noun)) == (f"1 {noun}", f"2 {several}")
