"""What things are called, and what is computed when."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from traces import EXAMPLES, trace_of
from zoo import ZOO, fresh

import fluxlab as fl
from fluxlab.engine.core.errors import BadInput, UnknownName
from fluxlab.engine.core.formulas import expression

FLUX = {
    "weights_matrix": "w", "bias_matrix": "b", "input_matrix": "x",
    "weight_and_input_matrix": "x @ w", "weight_input_bias_matrix": "a",
    "activated_output_matrix": "h", "dC_dy_matrix": "dC_dh", "dC_da_matrix": "dC_da",
    "dC_dw_matrix": "dC_dw", "dC_db_matrix": "dC_db", "dh_da_matrix": "dh_da",
}  # fmt: skip


@pytest.fixture
def net() -> fl.Network:
    x, y = fl.data.parity(4)
    return fl.form_network([8, 3, 1], x, y, seed=0)


def test_fluxs_eleven_matrices_of_every_layer(net: fl.Network) -> None:
    fl.back_propagation(net)
    sizes = [4, 8, 3, 1]
    assert net.sizes == sizes
    assert len(net.layers) == 3
    for k, (layer, inputs, neurons) in enumerate(zip(net.layers, sizes, sizes[1:], strict=False)):
        shapes = {
            "weights_matrix": (inputs, neurons), "bias_matrix": (1, neurons),
            "input_matrix": (16, inputs), "dC_dw_matrix": (inputs, neurons),
            "dC_db_matrix": (1, neurons),
        }  # fmt: skip
        for name, local in FLUX.items():
            found = getattr(layer, name)
            assert found.shape == shapes.get(name, (16, neurons)), name
            matrix = net.trace[f"layer {k + 1}/{local}"]
            np.testing.assert_array_equal(found, matrix.value)
            with pytest.raises(BadInput, match="writing to them would change nothing"):
                found += 1
        assert set(FLUX) <= set(dir(layer))


def test_fluxs_matrices_hold_what_flux_says(net: fl.Network) -> None:
    fl.back_propagation(net)
    for layer in net.layers:
        a = layer.input_matrix @ layer.weights_matrix
        np.testing.assert_allclose(layer.weight_and_input_matrix, a, rtol=1e-13)
        np.testing.assert_allclose(layer.weight_input_bias_matrix, a + layer.bias_matrix)
        np.testing.assert_allclose(layer.dC_da_matrix, layer.dC_dy_matrix * layer.dh_da_matrix)
        np.testing.assert_allclose(layer.dC_dw_matrix, layer.input_matrix.T @ layer.dC_da_matrix)
        np.testing.assert_allclose(layer.dC_db_matrix, layer.dC_da_matrix.sum(0, keepdims=True))
    target = net.trace["target"].value
    y = net.layers[-1].activated_output_matrix
    np.testing.assert_allclose(net.layers[-1].dC_dy_matrix, 2 * (y - target) / 16)


def test_one_matrix_two_names(net: fl.Network) -> None:
    trace = net.trace
    for k in (1, 2):
        assert trace[f"layer {k + 1}/x"] is trace[f"layer {k}/h"]
        assert trace[f"layer {k + 1}/dC_dx"] is trace[f"layer {k}/dC_dh"]
    assert trace["x"] is trace["layer 1/x"]
    assert trace["y"] is trace["layer 3/h"]
    assert trace["dC_dy"] is trace["layer 3/dC_dh"]
    assert trace["C"] is trace.cost
    assert trace["layer 3/w"] is trace.matrices["layer 3/w"]
    assert "layer 3/x" in trace
    assert "layer 4/x" not in trace
    assert len({id(m) for m in trace.matrices.values()}) == len(trace.matrices)
    for name, matrix in trace.matrices.items():
        assert matrix.name == name
        assert trace[name] is matrix


def test_layer_1_x_gets_a_gradient_but_the_target_none(net: fl.Network) -> None:
    assert net.trace["layer 1/dC_dx"].of is net.trace["layer 1/x"]
    assert "dC_dtarget" not in net.trace


def test_weights_and_biases_can_be_set_others_not(net: fl.Network) -> None:
    fl.forward_pass(net)
    before = net.trace["y"].value
    net.layers[1].weights_matrix = np.zeros((8, 3))
    assert not np.array_equal(net.trace["y"].value, before)
    np.testing.assert_array_equal(net.layers[1].weight_and_input_matrix, np.zeros((16, 3)))
    with pytest.raises(AttributeError, match="dC_dw_matrix cannot be set"):
        net.layers[1].dC_dw_matrix = np.zeros((8, 3))
    with pytest.raises(AttributeError, match="weights_matrix"):
        net.layers[1].weight_matrix  # noqa: B018


def test_position_ready_and_not_computed(net: fl.Network) -> None:
    trace = net.trace
    assert trace.position == 0
    assert trace["layer 1/w"].ready
    for step in trace.steps:
        assert not step.output.ready
        with pytest.raises(fl.NotComputed, match=rf"{step.phase} pass first"):
            step.output.value  # noqa: B018
        with pytest.raises(fl.NotComputed):
            step.output.explain(*[0] * len(step.output.shape))
    full = {}
    trace.run()
    for name, matrix in trace.matrices.items():
        full[name] = matrix.value
    for position in (5, len(trace.steps), 0, 1, trace.end_of("forward"), 7):
        trace.move(position)
        assert trace.position == position
        for step in trace.steps:
            assert step.output.ready == (step.number < position)
            if step.output.ready:
                np.testing.assert_array_equal(step.output.value, full[step.output.name])


def test_ends_of_the_phases(net: fl.Network) -> None:
    trace = net.trace
    ends = [trace.end_of(p) for p in ("forward", "backward", "update")]
    assert ends == sorted(ends)
    assert ends[2] == len(trace.steps)
    assert trace.steps[ends[0] - 1].output is trace.cost
    assert trace.steps[ends[0]].phase == "backward"
    assert [s.output.name for s in trace.steps[ends[1] :]] == [
        f"layer {k}/{p}[new]" for k in (1, 2, 3) for p in "wb"
    ]


def test_forward_and_back_in_fluxs_words(net: fl.Network) -> None:
    y = fl.forward_pass(net)
    assert net.trace.position == net.trace.end_of("forward")
    np.testing.assert_array_equal(y, net.trace["y"].value)
    cost = fl.back_propagation(net)
    assert net.trace.position == net.trace.end_of("backward")
    assert cost == pytest.approx(np.mean((y - net.trace["target"].value) ** 2), rel=1e-14)
    w = net.layers[0].weights_matrix
    assert fl.back_propagation(net) == cost, "a pass back changes no weight"
    np.testing.assert_array_equal(net.layers[0].weights_matrix, w)


def test_backward_twice_changes_nothing() -> None:
    trace = fl.trace(lambda x, w: fl.sigmoid(x @ w), x=[[1.0, 2.0]], w=[[0.5], [-0.25]])
    trace.backward()
    steps, names, values = list(trace.steps), list(trace.matrices), trace["dC_dw"].value
    trace.backward()
    assert trace.steps == steps
    assert list(trace.matrices) == names
    np.testing.assert_array_equal(trace["dC_dw"].value, values)
    trace.descend("w")
    with pytest.raises(fl.BadInput, match="already"):
        trace.descend("w")


def test_a_result_of_several_cells_is_summed() -> None:
    trace = fl.trace(lambda x, w: fl.tanh(x @ w), x=np.ones((3, 2)), w=[[1.0], [2.0]])
    assert trace.cost.name == "C"
    assert trace.cost.shape == ()
    assert trace.cost.step is not None
    assert trace.cost.step.op.name == "sum"
    np.testing.assert_allclose(trace.cost.value, 3 * np.tanh(3.0))
    single = fl.trace(lambda w: w * w, w=[[3.0]])
    assert single.cost.shape == (1, 1)
    assert single.cost.step is not None
    assert single.cost.step.op.name == "multiply"
    single.backward()
    np.testing.assert_array_equal(single["dC_dw"].value, [[6.0]])


def test_a_students_variables_name_their_matrices() -> None:
    def model(x: Any, w1: Any, b1: Any) -> Any:
        before = x @ w1 + b1
        squashed = fl.sigmoid(before)
        doubled = squashed * 2
        return doubled - 1

    trace = fl.trace(model, x=np.ones((2, 3)), w1=np.ones((3, 4)), b1=np.zeros(4))
    assert trace.title == "model"
    for name in ("x", "w1", "b1", "before", "squashed", "doubled"):
        assert trace[name].name == name
    assert trace["before"].step is trace["squashed"].step.inputs[0].step  # type: ignore[union-attr]
    trace.backward()
    for name in ("x", "w1", "b1", "before", "squashed", "doubled"):
        assert trace[f"dC_d{name}"].of is trace[name]
    assert trace["dsquashed_dbefore"].kind == "slope"


def test_scopes_name_what_is_inside() -> None:
    def model(x: Any, w: Any) -> Any:
        with fl.scope("block"):
            with fl.scope("inner"):
                a = x @ w
            h = fl.tanh(a)
        return fl.sum(h)

    trace = fl.trace(model, x=np.ones((2, 3)), w=np.ones((3, 2)))
    assert trace["block/inner/a"].scope == "block/inner"
    assert trace["block/h"] is trace["h"]
    trace.backward()
    assert trace["block/inner/dC_da"].of is trace["block/inner/a"]
    assert trace["dC_dw"].scope == ""


def test_a_name_that_is_taken_gets_a_number() -> None:
    def model(x: Any) -> Any:
        h = fl.tanh(x)
        h = fl.tanh(h)
        h = fl.tanh(h)
        return fl.sum(h)

    trace = fl.trace(model, x=[1.0, 2.0])
    assert sorted(n for n in trace.matrices if n.startswith("h")) == ["h", "h_2", "h_3"]
    trace.backward()
    assert "dC_dh_2" in trace


def test_data_is_copied() -> None:
    x, y = fl.data.parity(2)
    net = fl.form_network([2, 1], x, y)
    x[...] = 9.0
    assert net.trace["x"].value.max() == 1.0


def test_numbers_that_show_a_matrix_are_read_only_and_say_how_to_set_it(net: fl.Network) -> None:
    layer, t = net.layers[0], net.trace
    fl.back_propagation(net)
    for numbers, told in (
        (layer.weights_matrix, r"net.layers\[0\].weights_matrix = numbers"),
        (layer.dC_dw_matrix, "dC_dw_matrix is computed"),
        (t["x"].value, r't.set\("(layer 1/)?x", numbers\)'),
        (t["layer 1/a"].value, "set what it is computed from: .*layer 1/w"),
    ):
        with pytest.raises(BadInput, match=told):
            numbers[0, 0] = 5
        with pytest.raises(BadInput, match=r"take \.copy\(\)"):
            numbers *= 2
        with pytest.raises(ValueError, match="read-only"):
            numbers[0][0] = 5
        own = numbers.copy()
        own[0, 0] = 5.0
        own += 1
        assert own[0, 0] == 6.0
        assert type(numbers * 2) is np.ndarray
        assert type(numbers @ numbers.T) is np.ndarray
        assert repr(numbers).startswith("array(")
    layer.weights_matrix = layer.weights_matrix * 2  # and this is how


def test_a_name_means_what_the_student_named() -> None:
    y = np.eye(3)[[0, 2]]
    t = fl.trace(lambda x, y: fl.cross_entropy_logits(x, y), x=[[0.1, 2.0, -1.0]] * 2, y=y)
    t.backward()
    assert t["y"].kind == "input"
    with pytest.raises(UnknownName, match="y has no gradient here"):
        t["dC_dy"]
    with pytest.raises(UnknownName, match="y has no gradient here"):
        t.check("dC_dy")
    t = fl.trace(lambda x, y: fl.greater(x, y) * x, x=[0.5, 2.0], y=[1.0, 1.0])
    t.backward()
    with pytest.raises(UnknownName, match="through a comparison"):
        t["dC_dy"]
    t = fl.trace(lambda x: fl.tanh(x), x=[0.5, 2.0])
    with pytest.raises(UnknownName, match=r"Record it with t.backward\(\)"):
        t["dC_dx"]
    t.backward()
    assert t["dC_dy"].of is t["y"]


def test_what_is_returned_keeps_its_name() -> None:
    def model(x: Any, w: Any) -> Any:
        y = x @ w
        loss = fl.mean(y * y)
        return loss  # noqa: RET504

    t = fl.trace(model, x=[[1.0, 2.0]], w=[[0.5], [1.0]])
    assert t["loss"] is t["C"] is t.cost
    assert t["y"].shape == (1, 1)

    def several(x: Any) -> Any:
        out = fl.tanh(x) * 2
        return out  # noqa: RET504

    t = fl.trace(several, x=[1.0, 2.0])
    t.backward()
    assert t["out"] is t["y"] is t.result
    assert t["dC_dout"] is t["dC_dy"]

    def two_ways(x: Any) -> Any:
        a = x * 2
        if x.shape[0] > 5:
            return a
        return x + 1

    assert fl.trace(two_ways, x=[1.0, 2.0])["a"] is not fl.trace(two_ways, x=[1.0])["y"]
    taken = fl.trace(lambda loss: loss * loss, loss=[1.0, 2.0])
    assert taken["loss"].kind == "input"


@pytest.mark.parametrize(
    "call",
    [
        lambda: fl.Network([fl.Dense(1, "rely")], [[1.0]], [[1.0]]),
        lambda: fl.Network([fl.Dense(1)], [[1.0]], [[1.0]], cost="ms"),
        lambda: fl.trace(lambda x: x * 2, x=1.0)["q"],
    ],
)
def test_an_unknown_name_is_a_bad_value_too(call: Any) -> None:
    with pytest.raises(ValueError, match="Unknown"):
        call()


def test_version_grows_with_every_change(net: fl.Network) -> None:
    seen = [net.trace.version]
    fl.forward_pass(net)
    seen.append(net.trace.version)
    net.trace.set("layer 1/w", 0.5, (0, 0))
    seen.append(net.trace.version)
    net.trace.move(2)
    seen.append(net.trace.version)
    net.history.advance(3)
    seen.append(net.trace.version)
    net.history.travel(1)
    seen.append(net.trace.version)
    assert seen == sorted(set(seen))


def test_labels_come_from_the_data() -> None:
    import pandas as pd

    frame = pd.DataFrame({"wind": [1.0, 2.0], "rain": [0.5, 0.0]}, index=["mon", "tue"])
    net = fl.form_network([3, 1], frame, [[1], [0]])
    assert net.trace["x"].labels == {0: ["mon", "tue"], 1: ["wind", "rain"]}
    assert net.trace["layer 1/w"].labels == {0: ["wind", "rain"]}
    assert net.trace["layer 1/h"].labels == {0: ["mon", "tue"]}
    assert net.trace["layer 1/dC_dw"].labels == {0: ["wind", "rain"]}
    bits = fl.form_network([3, 1], *fl.data.parity(3))
    assert bits.trace["x"].labels[0][:3] == ["000", "001", "010"]


def test_another_activation_or_fewer_samples_keep_the_weights(net: fl.Network) -> None:
    trace, w = net.trace, net.layers[0].weights_matrix
    fl.learn(net, iterations=5)
    w = net.layers[0].weights_matrix
    net.set_activation(1, "tanh")
    assert net.trace is trace, "who holds the trace sees the new one"
    np.testing.assert_array_equal(net.layers[0].weights_matrix, w)
    fl.forward_pass(net)
    wanted = np.tanh(net.layers[0].weight_input_bias_matrix)
    np.testing.assert_allclose(net.layers[0].activated_output_matrix, wanted, rtol=1e-14)
    net.set_samples([3, 5])
    assert net.trace["x"].shape == (2, 4)
    assert net.trace["x"].labels[0] == ["0011", "0101"]
    np.testing.assert_array_equal(net.layers[0].weights_matrix, w)
    net.set_samples(None)
    assert net.trace["x"].shape == (16, 4)
    fl.learn(net, iterations=5)


@pytest.mark.parametrize("name", ZOO)
def test_moving_there_and_back_gives_the_same_numbers(name: str) -> None:
    trace = fresh(name)
    full = {n: m.value for n, m in trace.matrices.items()}
    for position in (0, 3, len(trace.steps) // 2, len(trace.steps)):
        trace.move(position)
    for n, value in full.items():
        np.testing.assert_array_equal(trace[n].value, value, err_msg=n)


def _common() -> dict[str, Any]:
    """Networks beside the EXAMPLES: every cost with every optimizer, schedule, penalty and clip."""
    x, classes = np.random.default_rng(0).normal(size=(5, 3)), np.eye(2)[[0, 1, 1, 0, 1]]
    made: dict[str, Any] = {}
    optimizers, clips = list(fl.OPTIMIZERS), (None, fl.ClipNorm(0.1), fl.ClipValue(0.01))
    for k, cost in enumerate(fl.COSTS):
        for batch in (None, 2):
            made[f"{cost}, batch {batch}"] = fl.Network(
                [fl.Dense(4, "tanh"), fl.BatchNorm(), fl.Noise(0.1), fl.Dense(2, "softmax")], x,
                2 * classes - 1 if cost == "hinge" else classes, cost=cost, batch=batch,
                clip=clips[k % 3], optimizer=optimizers[k % len(optimizers)],
                schedule=fl.StepDecay(2), regularizers=[fl.L1(), fl.L2()],
            ).trace  # fmt: skip
    pairs = {"u": np.ones((4, 3)), "v": np.zeros((4, 3))}
    images = np.random.default_rng(0).normal(size=(5, 2, 3, 4))
    flat = [fl.BatchNorm(), fl.Flatten(), fl.Dense(2)]
    made["images"] = fl.Network(flat, images, classes, batch=2).trace
    made["masked"] = fl.Network([fl.RNN(3, masked=True)], images[:, 0], images[:, 1, :, :3]).trace
    made["triplet"] = fl.trace(fl.triplet, anchor=x, positive=x + 1, negative=x - 2)
    made["contrastive"] = fl.trace(
        lambda u, v, s: fl.contrastive(u, v, s), **pairs, s=[[1.0], [0.0], [1.0], [0.0]]
    )
    for trace in made.values():
        trace.backward()
    return made


def test_every_matrix_of_a_layer_a_cost_and_an_optimizer_has_a_name_that_can_be_read() -> None:
    """A formula may stand for a name where it is the product of two matrices."""
    traces = {**{name: trace_of(name) for name in EXAMPLES}, **_common()}
    for name, trace in traces.items():
        for matrix in trace.matrices.values():
            step, base = matrix.step, re.sub(r"_\d+$", "", matrix.local)
            if step is not None and matrix.temporary and base == expression(step):
                assert re.fullmatch(r"\w+ @ \w+|normal / spread", base), (name, matrix.name)
            for formula in re.findall(r"\((.*)\)", matrix.local):  # as in dC_d(h @ u)
                assert re.fullmatch(r"\w+ @ \w+", formula), (name, matrix.name)


def test_a_long_formula_is_called_by_what_it_makes() -> None:
    def model(first_input: Any, second_input: Any, third_input: Any) -> Any:
        return fl.tanh((first_input * second_input - third_input) * 2)

    some = np.ones((2, 3))
    trace = fl.trace(model, first_input=some, second_input=some, third_input=some)
    trace.backward()
    assert [m.local for m in trace.matrices.values() if m.step][:3] == [
        "product", "product - third_input", "a",
    ]  # fmt: skip
    assert trace["dC_dproduct"] is trace["dC_d(product - third_input)"]
    assert trace["product"].step.numpy() == "product = first_input * second_input"  # type: ignore[union-attr]


def test_the_gradient_of_a_formula_has_it_in_brackets() -> None:
    trace = fl.trace(lambda x, w: fl.log(1 - x * w) ** 2, x=[[0.3, 0.2]], w=[[0.5, -1.0]])
    trace.backward()
    assert trace["dC_d(x * w)"].of is trace["x * w"]
    slope = trace["d(log((1 - (x * w))))_d(1 - (x * w))"]
    assert slope.kind == "slope"
    assert slope.latex == (r"\frac{\partial \ln (1 - (x \odot w))}{\partial (1 - (x \odot w))}")
