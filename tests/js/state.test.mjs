import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

globalThis.document = { createElement: () => ({}) };
const { emptyState, takeLayout, takeFrame, cellWords, legendKeys, spots, underWay, numberOf } =
  await load(
    ["shared/common", "board/geometry", "board/state"],
    ["emptyState", "takeLayout", "takeFrame", "cellWords", "legendKeys", "spots", "underWay", "numberOf"],
  );

const matrix = (name, shape, step, more = {}) =>
  ({ name, key: name, pretty: name, shape, step, kind: "value", axes: shape.map(() => null), labels: {}, unit: false, ...more });
const place = (number, lane, band) =>
  ({ role: lane, matrix: number, local: "m", title: "m", tile: null, lane, band, x: 0, y: 0, cell: [6, 6], width: 60, height: 60 });

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
  takeFrame(state, { position: 2, windows: {}, largest: [8, 0.2, 0.5, 0], running: null }, [new DataView(raw.buffer, 3)]);
  return state;
}

test("a frame's numbers go to their matrices, exactly", () => {
  const state = board();
  assert.equal(state.at(0, 1, 2), -6);
  assert.equal(state.at(1, 0, 0), 0.1);
  assert.equal(state.at(2, 0, 1), 0.5);
  assert.deepEqual(state.largest.slice(0, 2), [8, 0.2]); // since the start, so not only now
  assert.deepEqual(state.odd, [false, true, false, false]);
});

test("scales: per matrix, per layer, shared; values apart from gradients", () => {
  const scale = (mode, number) => {
    const state = board(mode);
    return state.scaleOf(state.layout.places[number]);
  };
  assert.equal(scale("matrix", 1), 0.2);
  assert.equal(scale("layer", 1), 0.2);
  assert.equal(scale("shared", 0), 8);
  const state = board("shared");
  state.layout.places[1].role = ""; // what never changes has no colour
  assert.equal(state.scaleOf(state.layout.places[1]), Infinity);
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
  assert.deepEqual(words, ["each matrix by its largest", "in 0…1", "not a number", "this step", "made of", "goes to"]);
  const focus = legendKeys(state, state.layout.places[0])[0];
  assert.deepEqual(focus, ["both", "−8", "8", "w"]);
  const shared = legendKeys(board("shared"), undefined);
  assert.deepEqual(shared.slice(0, 2), [["both", "−8", "8", "values"], ["both", "−0.2", "0.2", "gradients"]]);
});

test("a folded matrix is shown by the place that stands for it, whole", () => {
  const state = board();
  const [[place, matrix, item]] = spots(state, { matrix: "deep", cells: [[7, 7]] });
  assert.equal(place, state.layout.places[0]);
  assert.equal(matrix.name, "w");
  assert.deepEqual(item, { box: [[0, 1], [0, 2]] });
  const shown = { matrix: "w", cells: [[0, 1]] };
  assert.deepEqual(spots(state, shown).map((spot) => spot[2]), [shown]);
  assert.deepEqual(spots(state, { matrix: "nowhere" }), []);
});

test("a step inside what is folded is under way there, until the last step is done", () => {
  const state = board();
  assert.equal(underWay(state), state.layout.places[0]); // step 1 is done: it computes "deep"
  state.position = 3;
  assert.equal(underWay(state), undefined);
  state.position = 2;
  state.layout.steps = 2;
  assert.equal(underWay(state), undefined);
});

test("of slices side by side a cell is found in its own", () => {
  const state = emptyState();
  const slice = (tile) => ({ ...matrix("q", [2, 3, 1, 2], -1), key: `q ${tile}` });
  takeLayout(state, {
    version: 1, hidden: [], steps: 1, bands: [{ title: "Layer 1" }],
    matrices: [0, 1, 2].map(slice),
    places: [0, 1, 2].map((tile) => ({ ...place(tile, "values", 0), tile })),
  });
  const windows = Object.fromEntries([0, 1, 2].map((tile) => [`q ${tile}`, [[1, tile], 0, 0, 1, 2, 0]]));
  takeFrame(state, { position: 0, windows, largest: [9, 9, 9], running: null }, [new Float64Array([0, 1, 2, 3, 4, 5, 9])]);
  assert.equal(numberOf(state, { matrix: "q", index: [1, 2, 0, 1] }), 2);
  assert.equal(numberOf(state, { matrix: "q", index: [0, 2, 0, 1] }), 0); // in another sample
  assert.equal(numberOf(state, { matrix: "p", index: [] }), -1);
  assert.equal(cellWords(state, 2, [1, 2, 0, 1]).value, "5");
  assert.deepEqual(state.largest, [9, 9, 9]); // one scale for all
});
