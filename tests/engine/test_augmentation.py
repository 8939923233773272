"""Augmented images against transformations done by hand, and by SciPy or PyTorch."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import oracle
import pytest

import fluxlab as fl
from fluxlab.engine.models.augmented import EXAMPLE

SIDE = 5
IMAGES = np.random.default_rng(0).random((3, SIDE, SIDE))
FLAT = IMAGES.reshape(3, -1)


def moved(**amounts: Any) -> Any:
    return fl.move_images(FLAT, **amounts).reshape(3, SIDE, SIDE)


def by_hand(
    image: Any, down: float, right: float, turn: float, zoom: float, shear: float, flip: float
) -> Any:
    """Bilinear, pixel by pixel, by the inverse of a matrix that is built from the moves."""
    n = len(image)
    mirror = np.array([[1.0, 0.0], [0.0, flip]])  # acts on (row, column)
    slide = np.array([[1.0, 0.0], [shear, 1.0]])
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    back = np.linalg.inv(rotate @ (zoom * slide) @ mirror)
    middle, out = (n - 1) / 2, np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            r, c = back @ np.array([i - middle - down, j - middle - right]) + middle
            for k in (int(np.floor(r)), int(np.floor(r)) + 1):
                for m in (int(np.floor(c)), int(np.floor(c)) + 1):
                    if 0 <= k < n and 0 <= m < n:
                        out[i, j] += (1 - abs(r - k)) * (1 - abs(c - m)) * image[k, m]
    return out


def test_no_move_changes_nothing() -> None:
    np.testing.assert_array_equal(moved(), IMAGES)


def test_a_shift_by_whole_pixels() -> None:
    found = moved(down=1, right=-2)
    np.testing.assert_array_equal(found[:, 1:, :-2], IMAGES[:, :-1, 2:])
    np.testing.assert_array_equal(found[:, 0], 0)
    np.testing.assert_array_equal(found[:, :, -2:], 0)


def test_half_a_pixel_is_the_mean_of_two() -> None:
    found = moved(right=0.5)
    np.testing.assert_allclose(found[:, :, 1:], (IMAGES[:, :, 1:] + IMAGES[:, :, :-1]) / 2)
    np.testing.assert_allclose(found[:, :, 0], IMAGES[:, :, 0] / 2)


def test_a_flip_exchanges_left_and_right() -> None:
    np.testing.assert_array_equal(moved(flip=-1), IMAGES[:, :, ::-1])


def test_a_quarter_turn_goes_to_the_left() -> None:
    np.testing.assert_allclose(moved(turn=np.pi / 2), np.rot90(IMAGES, 1, (1, 2)), atol=1e-12)


def test_a_zoom_enlarges() -> None:
    spot = np.zeros((1, SIDE * SIDE))
    spot[0, SIDE * 2 + 3] = 1.0  # one pixel to the right of the middle
    found = fl.move_images(spot, zoom=2.0).reshape(SIDE, SIDE)
    assert found[2, 4] == 1.0
    np.testing.assert_array_equal(found[2], [0, 0, 0, 0.5, 1.0])


def test_a_shear_moves_lower_rows_to_the_right() -> None:
    found = moved(shear=1.0)
    for row in range(SIDE):
        by = row - 2
        expected = np.roll(IMAGES[:, row], by, axis=-1)
        kept = slice(max(by, 0), SIDE + min(by, 0))
        np.testing.assert_allclose(found[:, row, kept], expected[:, kept], atol=1e-12)
    np.testing.assert_array_equal(found[:, 4, :2], 0)


def test_all_moves_together_equal_the_moves_by_hand() -> None:
    draw = np.random.default_rng(5)
    amounts = {
        "down": draw.uniform(-1, 1, (3, 1)), "right": draw.uniform(-1, 1, (3, 1)),
        "turn": draw.uniform(-1, 1, (3, 1)), "zoom": draw.uniform(0.7, 1.4, (3, 1)),
        "shear": draw.uniform(-0.4, 0.4, (3, 1)), "flip": np.array([[1.0], [-1.0], [-1.0]]),
    }  # fmt: skip
    found = moved(**amounts)
    for k, image in enumerate(IMAGES):
        expected = by_hand(image, **{name: float(v[k, 0]) for name, v in amounts.items()})
        np.testing.assert_allclose(found[k], expected, atol=1e-12)
        assert np.abs(expected - image).max() > 0.1


def test_it_equals_scipys_affine_transform() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    angle, middle = 0.3, np.full(2, (SIDE - 1) / 2)
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / 1.2
    padded = np.pad(IMAGES[0], 3)  # SciPy cuts off where we fade into the border
    offset = (middle + 3) - back @ (middle + 3)
    expected = ndimage.affine_transform(padded, back, offset, order=1)[3:-3, 3:-3]
    np.testing.assert_allclose(moved(turn=angle, zoom=1.2)[0], expected, atol=1e-12)


def test_gradients_with_respect_to_the_image_equal_pytorchs() -> None:
    torch = oracle.torch()
    turn, right, side = 0.4, 0.7, SIDE
    weights = np.random.default_rng(2).normal(size=(3, side * side))
    trace = fl.trace(
        lambda x, v: fl.sum(v * fl.move_images(x, turn=turn, right=right)), x=FLAT, v=weights
    )
    trace.backward()
    x = torch.tensor(IMAGES[:, None], requires_grad=True)
    # PyTorch's grid holds (column, row) in -1..1 from border to border (align_corners).
    half = (side - 1) / 2
    r, c = np.meshgrid(np.arange(side) - half, np.arange(side) - half - right, indexing="ij")
    up, along = (r * np.cos(turn) + c * np.sin(turn)), (c * np.cos(turn) - r * np.sin(turn))
    grid = torch.tensor(np.stack([along, up], -1)[None].repeat(3, 0) / half)
    h = torch.nn.functional.grid_sample(x, grid, mode="bilinear", align_corners=True)
    cost = (torch.tensor(weights) * h.reshape(3, -1)).sum()
    cost.backward()
    np.testing.assert_allclose(trace.cost.value, cost.item(), rtol=1e-12)
    np.testing.assert_allclose(
        trace["dC_dx"].value, x.grad.numpy().reshape(3, -1), rtol=1e-10, atol=1e-13
    )


# -- the layer ----------------------------------------------------------------------------------


def network(seed: int = 0, **figures: Any) -> Any:
    layers = [fl.Augment(**figures), fl.Dense(2, "softmax")]
    return fl.Network(layers, FLAT, [0, 1, 1], cost="cross_entropy", seed=seed)


def test_the_layer_moves_each_image_by_the_amounts_that_it_shows() -> None:
    trace = EXAMPLE()
    x, h = trace["layer 1/x"].value, trace["layer 1/h"].value
    names = ("down", "right", "turn", "zoom", "shear", "flip")
    amounts = {n: trace[f"layer 1/{n}"].value.reshape(-1) for n in names}
    for k in range(len(x)):
        own = {n: float(v[k]) for n, v in amounts.items()}
        np.testing.assert_allclose(h[k], by_hand(x[k].reshape(4, 4), **own).ravel(), atol=1e-12)
    assert len(set(amounts["turn"])) == len(x)


def test_amounts_stay_within_their_limits_and_fill_them() -> None:
    net = network(shift=2.0, rotate=30.0, scale=0.25, shear=0.5, flip=True)
    seen: dict[str, list[Any]] = {}
    for _ in range(200):
        net.history.advance(1)
        for name in ("down", "right", "turn", "zoom", "shear", "flip"):
            seen.setdefault(name, []).append(net.trace[f"layer 1/{name}"].value.ravel())
    limits = {"down": 2.0, "right": 2.0, "turn": np.pi / 6, "shear": 0.5}
    for name, limit in limits.items():
        found = np.concatenate(seen[name])
        assert -limit <= found.min() < -0.95 * limit
        assert 0.95 * limit < found.max() <= limit
        assert abs(found.mean()) < 0.1 * limit
    zoom = np.concatenate(seen["zoom"])
    assert 0.75 <= zoom.min() < 0.77 < 1.23 < zoom.max() <= 1.25
    flips = np.concatenate(seen["flip"])
    assert set(flips) == {-1.0, 1.0}
    assert 0.4 < (flips == -1).mean() < 0.6


def test_each_iteration_moves_anew_and_a_step_back_brings_it_back() -> None:
    net = network()
    seen = []
    for _ in range(4):
        net.trace.run()
        seen.append(net.trace["layer 1/h"].value)
        net.history.advance(1)
    assert all((a != b).any() for a, b in pairwise(seen))
    for k in (1, 3, 0):
        net.history.travel(k)
        np.testing.assert_array_equal(net.trace["layer 1/h"].value, seen[k])


def test_predicting_moves_nothing() -> None:
    net = network()
    net.fit(3)
    a = FLAT @ net.trace["layer 2/w"].value + net.trace["layer 2/b"].value
    e = np.exp(a)
    np.testing.assert_allclose(net.predict(FLAT), e / e.sum(1, keepdims=True), rtol=1e-12)


def test_nothing_to_do_records_nothing() -> None:
    net = network(shift=0.0, rotate=0.0, scale=0.0, shear=0.0)
    assert all(step.scope != "layer 1" for step in net.trace.steps if step.phase == "forward")


def test_a_pixel_is_explained_by_four_products() -> None:
    matrix = EXAMPLE()["layer 1/h"]
    found = matrix.explain(1, 5)
    assert found.joined == "sum"
    assert len(found.terms) == 4
    assert [ref.matrix.local for ref in found.terms[0].factors] == ["corners", "pixel weights"]
    assert sum(t.value for t in found.terms) == pytest.approx(float(matrix.value[1, 5]))


def test_saved_it_goes_on_with_the_same_numbers(tmp_path: Any) -> None:
    net, other = network(), network()
    net.fit(6)
    other.fit(3)
    other.save(tmp_path / "net.npz")
    again = fl.Network.load(tmp_path / "net.npz")
    again.fit(3)
    np.testing.assert_array_equal(again.predict(FLAT), net.predict(FLAT))


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ({"shift": -1.0}, "0 or more"),
        ({"scale": 1.0}, "0 or more"),
        ({"rotate": float("nan")}, "a finite number"),
        ({"shear": float("inf")}, "a finite number"),
    ],
)
def test_bad_limits_are_refused(bad: Any, expected: str) -> None:
    with pytest.raises(fl.BadInput, match=f"Augment: {next(iter(bad))} must be {expected}"):
        network(**bad)


def test_images_that_are_not_square_are_refused() -> None:
    with pytest.raises(fl.BadInput, match=r"one flat square image per row.*3×24"):
        fl.move_images(FLAT[:, :24], down=1)
    with pytest.raises(fl.BadInput, match="turn must be one number or one for each of the 3"):
        fl.move_images(FLAT, turn=[[1.0], [2.0]])
