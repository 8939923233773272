import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

globalThis.document = { createElement: () => ({}) };
const { emptyState, takeLayout, takeFrame, cellWords, legendKeys } = await load(
  ["common", "geometry", "state"],
  ["emptyState", "takeLayout", "takeFrame", "cellWords", "legendKeys"],
);

const matrix = (name, shape, step, more = {}) =>
  ({ name, key: name, pretty: name, shape, step, kind: "value", axes: shape.map(() => null), labels: {}, unit: false, ...more });
const place = (number, lane, band) =>
  ({ matrix: number, local: "m", title: "m", tile: null, lane, band, x: 0, y: 0, cell: [6, 6], width: 60, height: 60 });

function board(scale = "matrix") {
  const state = emptyState();
  state.scale = scale;
  takeLayout(state, {
    version: 1, hidden: [["deep", 1, 0]], steps: 9, bands: [{ title: "Layer 1" }, { title: "Layer 2" }],
    matrices: [
      matrix("w", [2, 3], -1, { axes: ["feature", "neuron"], labels: { 0: ["sun", "rain"] } }),
      matrix("dC_dw", [2, 3], 0),
      matrix("p", [2], 1, { unit: true }),
      matrix("late", [2], 7),
    ],
    places: [place(0, "values", 0), place(1, "gradients", 0), place(2, "values", 1), place(3, "values", 1)],
  });
  const numbers = new Float64Array([1, -2, 3, 4, 5, -6, 0.1, 0, NaN, 0, 0, -0.2, 0.5, 0.5, 9, 9]);
  // As it arrives: somewhere inside a message, not at a multiple of 8.
  const raw = new Uint8Array(numbers.byteLength + 3);
  raw.set(new Uint8Array(numbers.buffer), 3);
  takeFrame(state, { position: 2, windows: {}, extents: {} }, [new DataView(raw.buffer, 3)]);
  return state;
}

test("a frame's numbers go to their matrices, exactly", () => {
  const state = board();
  assert.equal(state.at(0, 1, 2), -6);
  assert.equal(state.at(1, 0, 0), 0.1);
  assert.equal(state.at(2, 0, 1), 0.5);
  assert.deepEqual(state.largest.slice(0, 2), [6, 0.2]);
  assert.deepEqual(state.odd, [false, true, false, false]);
});

test("scales: per matrix, per layer, shared; values apart from gradients", () => {
  const scale = (mode, number) => {
    const state = board(mode);
    return state.scaleOf(state.layout.places[number]);
  };
  assert.equal(scale("matrix", 1), 0.2);
  assert.equal(scale("layer", 1), 0.2);
  assert.equal(scale("shared", 0), 6);
  assert.equal(scale("shared", 2), 1); // 0..1 whatever else there is
});

test("a cell is told in words", () => {
  const state = board();
  assert.deepEqual(cellWords(state, 0, [1, 2]), { name: "w [1, 2]", value: "−6", where: "feature 1 (rain), neuron 2" });
  assert.match(cellWords(state, 1, [0, 2]).value, /not a number/);
  assert.equal(cellWords(state, 3, [0]).value, "not computed yet");
});

test("the legend explains what is visible", () => {
  const state = board();
  const words = legendKeys(state, undefined).map((key) => key.at(-1));
  assert.deepEqual(words, ["each matrix by its largest", "in 0…1", "not a number"]);
  const focus = legendKeys(state, state.layout.places[0])[0];
  assert.deepEqual(focus, ["both", "−6", "6", "w"]);
});
