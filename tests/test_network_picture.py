"""The network picture: read from the steps of any trace, never from names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.widgets.lab.diagram import diagram, elided
from fluxlab.widgets.lab.network import NetworkPicture, visualize_network

draw = np.random.default_rng(11)


def network() -> Any:
    return fl.form_network([3, 2], draw.normal(size=(6, 4)), draw.normal(size=(6, 2)), seed=2)


def test_columns_and_links_of_a_dense_network() -> None:
    trace = network().trace
    columns, links = diagram(trace)
    assert [c.matrix.name for c in columns] == ["layer 1/x", "layer 1/h", "layer 2/h"]
    assert [c.bias.name for c in columns[1:]] == ["layer 1/b", "layer 2/b"]
    assert [(n.source, n.target, n.weights.name) for n in links] == [
        (0, 1, "layer 1/w"),
        (1, 2, "layer 2/w"),
    ]


def test_a_students_own_function_with_other_names() -> None:
    def mine(data: Any, first: Any, second: Any, shift: Any, wanted: Any) -> Any:
        middle = fl.tanh(data @ first + shift)
        return fl.mean((middle @ second - wanted) ** 2)

    trace = fl.trace(
        mine,
        data=draw.normal(size=(5, 3)),
        first=draw.normal(size=(3, 4)),
        second=draw.normal(size=(4, 2)),
        shift=np.zeros((1, 4)),
        wanted=np.zeros((5, 2)),
    )
    columns, links = diagram(trace)
    assert [c.size for c in columns] == [3, 4, 2]
    assert columns[1].matrix.name == "middle"
    assert columns[1].bias.name == "shift"
    assert columns[2].bias is None  # what is wanted is data, not a bias
    assert [n.weights.name for n in links] == ["first", "second"]


def test_without_weights_there_is_no_picture() -> None:
    trace = fl.trace(lambda x: fl.mean(x * x), x=[[1.0, 2.0]])
    with pytest.raises(fl.BadInput, match="x @ w"):
        NetworkPicture(trace)


def test_large_columns_are_elided_but_show_the_selected() -> None:
    assert elided(12, set()) == list(range(12))
    shown = elided(784, {300})
    assert len(shown) == 10
    assert {0, 300, 783} <= set(shown)
    assert shown == sorted(shown)


def sent(picture: NetworkPicture) -> list[Any]:
    found: list[Any] = []
    picture.send = lambda content, buffers=(): found.append((content, list(buffers)))
    picture.on_ready()
    return found


def test_numbers_are_those_of_the_trace() -> None:
    net = network()
    picture = NetworkPicture(net, sample=2)
    messages = sent(picture)
    net.trace.move(len(net.trace.steps))
    picture.session.changed("position")
    content, (buffer,) = messages[-1]
    assert all(content["ready"]["columns"] + content["ready"]["links"])
    value = {name: m.value for name, m in net.trace.matrices.items()}
    expected = [
        value["layer 1/x"][2], value["layer 1/h"][2], value["layer 1/b"][0],
        value["layer 2/h"][2], value["layer 2/b"][0],
        value["layer 1/w"].ravel(), value["layer 2/w"].ravel(),
    ]  # fmt: skip
    assert np.frombuffer(buffer).tolist() == np.concatenate(expected).tolist()
    picture.show = "gradient"
    content, (buffer,) = messages[-1]
    assert np.frombuffer(buffer)[-6:].tolist() == value["layer 2/dC_dw"].ravel().tolist()


def test_what_is_not_computed_is_not_sent() -> None:
    picture = NetworkPicture(network(), show="gradient")
    messages = sent(picture)
    content, _ = messages[-1]
    assert content["ready"] == {"columns": [True, False, False], "links": [False, False]}


def test_selection_is_shared_and_picks_the_sample() -> None:
    net = network()
    picture = NetworkPicture(net)
    picture._receive(picture, {"type": "select", "matrix": "layer 2/w", "index": [1, 0]}, [])
    assert picture.session.selection == ("layer 2/w", (1, 0))
    picture.session.select("layer 1/h", (4, 2))
    assert picture.sample == 4
    with pytest.raises(fl.BadInput, match="0 to 5"):
        picture.sample = 6
    with pytest.raises(fl.UnknownName, match="gradient"):
        picture.show = "gradiant"


def test_every_number_of_a_neuron_or_connection_is_shown_there() -> None:
    net = network()
    trace = net.trace
    picture = NetworkPicture(net)
    messages = sent(picture)
    layout = next(content for content, _ in messages if content["type"] == "layout")
    inputs, hidden, outputs = (set(column["kin"]) for column in layout["columns"])
    assert inputs == {"layer 1/x", "layer 1/dC_dx"}
    own = ["x @ w", "a", "h", "dC_da", "dC_dh", "dh_da"]
    assert hidden == {f"layer 1/{name}" for name in own}
    assert {f"layer 2/{name}" for name in own} <= outputs
    assert not hidden & outputs
    weights = layout["links"][1]["weights"]["kin"]
    assert set(weights) == {"layer 2/w", "layer 2/dC_dw", "layer 2/w[new]"}
    bias = layout["columns"][1]["bias"]["kin"]
    assert set(bias) == {"layer 1/b", "layer 1/dC_db", "layer 1/b[new]"}
    for names, size in ((hidden, (6, 3)), (weights, (3, 2)), (bias, (1, 3))):
        assert {trace[name].shape for name in names} == {size}
    picture.session.select("layer 1/dC_da", (5, 2))  # not drawn itself; its neuron and sample are
    assert messages[-1][0]["sample"] == 5
    assert messages[-1][0]["selection"] == ("layer 1/dC_da", (5, 2))


def test_a_backward_pass_that_is_recorded_later_is_known() -> None:
    trace = fl.trace(lambda x, w: fl.tanh(x @ w), x=draw.normal(size=(5, 3)), w=np.ones((3, 2)))
    picture = NetworkPicture(trace)
    messages = sent(picture)
    trace.backward()
    picture.session.catch_up()
    layout = [content for content, _ in messages if content["type"] == "layout"][-1]
    assert layout["links"][0]["weights"]["kin"] == ["w", "dC_dw"]
    assert layout["links"][0]["gradient"]["name"] == "dC_dw"


def test_text_and_picture_without_a_kernel() -> None:
    picture = visualize_network(network())
    assert picture.text().splitlines() == [
        "Network picture of 4-3-2 network: 4-3-2 neurons, sample 0",
        "  layer 1/x -> layer 1/h by layer 1/w (4×3)",
        "  layer 1/h -> layer 2/h by layer 2/w (3×2)",
    ]
    data, _ = picture._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")


def test_widths_have_one_scale_that_stays() -> None:
    """A gradient that fades is seen to fade here, too."""
    net = network()
    net.trace.run()
    picture = NetworkPicture(net, show="gradient")
    sent: list[Any] = []
    picture.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]
    picture._receive(picture, {"type": "ready", "page": "p"}, [])
    first = sent[-1]["scale"]
    gradients = [net.trace[f"layer {n}/dC_dw"] for n in (1, 2)]
    assert first == max(np.abs(g.value).max() for g in gradients) > 0
    net.trace.set("target", net.predict(net.trace["layer 1/x"].value))
    net.trace.move(net.trace.end_of("backward"))
    assert max(np.abs(g.value).max() for g in gradients) < 1e-9
    picture.refresh("values")
    assert sent[-1]["scale"] == first
