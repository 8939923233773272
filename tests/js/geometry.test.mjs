import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const g = await load(["shared/common", "board/geometry"], [
  "arrowBetween", "cellText", "exact", "rgb", "ramp", "shade",
  "flatShape", "wholeWindow", "fullIndex", "flatIndex", "cellAt", "moved", "seenCells", "outline",
  "zoomed", "rangeText",
]);

test("numbers in cells are plain, with as many digits as fit, and never say -.000", () => {
  const six = (value, scale = 1) => g.cellText(value, scale, (text) => text.length <= 6);
  assert.equal(six(0.9412), ".941");
  assert.equal(six(-1.4151), "−1.42");
  assert.equal(six(-0.004321), "−.0043");
  assert.equal(six(0.0000041), "4.1e−6");
  assert.equal(six(-2.776e-17), "≈0"); // what is left of −0.1 + 0.1
  assert.equal(six(-2.776e-17, 1e-17), "−3e−17"); // where all is so small
  assert.equal(six(326.12), "326");
  assert.equal(six(0), "0");
  assert.equal(six(NaN), "NaN");
  assert.equal(six(-Infinity), "−∞");
});

test("an arrow goes from box to box", () => {
  const below = g.arrowBetween([0, 0, 40, 20], [100, 80, 40, 20]);
  assert.deepEqual([below[0], below[1], below[4], below[5]], [20, 20, 120, 80]);
  const above = g.arrowBetween([100, 80, 40, 20], [0, 0, 40, 20]);
  assert.deepEqual([above[1], above[5]], [80, 20]);
  const beside = g.arrowBetween([200, 0, 40, 20], [0, 0, 40, 20]);
  assert.ok(beside[3] < 0); // an arc over what stands between
});

test("the exact value is the shortest that gives the float back", () => {
  assert.equal(g.exact(0.1 + 0.2), "0.30000000000000004");
  assert.equal(g.exact(-1e-7), "−1e−7");
  assert.equal(g.exact(-0), "0");
  assert.match(g.exact(NaN), /not a number/);
  assert.match(g.exact(-Infinity), /minus infinity/);
});

test("colours run from zero to both ends", () => {
  assert.deepEqual(g.rgb("#1258b0"), [18, 88, 176]);
  assert.deepEqual(g.rgb("rgb(1, 2, 3)"), [1, 2, 3]);
  const ramps = { low: g.ramp("#ffffff", "#0000ff"), high: g.ramp("#fff", "#ff0000"), unit: g.ramp("#fff", "#000") };
  assert.equal(g.shade(ramps, false, 0, 2)[1], 0);
  assert.deepEqual(g.shade(ramps, false, -2, 2), [ramps.low, 128]);
  assert.deepEqual(g.shade(ramps, false, 1, 2), [ramps.high, 64]);
  assert.deepEqual(g.shade(ramps, false, 9, 2), [ramps.high, 128]); // never past the end
  assert.deepEqual(g.shade(ramps, true, 0.25, 2), [ramps.unit, 32]);
  assert.deepEqual(g.shade(ramps, false, 0, 0), [ramps.high, 0]); // all zero: no division by it
  assert.equal(ramps.unit.dark.at(-1), true);
  assert.equal(ramps.unit.dark[0], false);
});

test("shapes of 0, 1, 2 and 4 axes become rows and columns", () => {
  assert.deepEqual(g.flatShape([]), [1, 1]);
  assert.deepEqual(g.flatShape([5]), [1, 5]);
  assert.deepEqual(g.flatShape([2, 3, 4, 5]), [4, 5]);
  assert.deepEqual(g.fullIndex([], [], 0, 0), []);
  assert.deepEqual(g.fullIndex([5], [], 0, 3), [3]);
  assert.deepEqual(g.fullIndex([2, 3, 4, 5], [1, 2], 3, 4), [1, 2, 3, 4]);
  assert.deepEqual(g.flatIndex([1, 2, 3, 4]), [3, 4]);
  assert.deepEqual(g.flatIndex([3]), [0, 3]);
  assert.deepEqual(g.wholeWindow([2, 4, 5]), { lead: [0], row: 0, column: 0, rows: 4, columns: 5, level: 0 });
});

test("a point finds its cell, also in a window", () => {
  const place = { x: 10, y: 20, cell: [24, 19] };
  const whole = g.wholeWindow([4, 8]);
  assert.deepEqual(g.cellAt(place, whole, 10, 20), [0, 0]);
  assert.deepEqual(g.cellAt(place, whole, 10 + 24 * 7 + 1, 20 + 19 * 3 + 1), [3, 7]);
  assert.equal(g.cellAt(place, whole, 10 + 24 * 8, 20), null);
  assert.equal(g.cellAt(place, whole, 9, 20), null);
  const window = { lead: [], row: 120, column: 40, rows: 10, columns: 20, level: 12 };
  assert.deepEqual(g.cellAt(place, window, 10 + 25, 20 + 13), [121, 42]);
});

test("keys move inside a matrix and stop at its edges", () => {
  assert.deepEqual(g.moved("ArrowRight", [1, 2], [3, 4]), [1, 3]);
  assert.deepEqual(g.moved("ArrowRight", [1, 3], [3, 4]), [1, 3]);
  assert.deepEqual(g.moved("ArrowUp", [0, 3], [3, 4]), [0, 3]);
  assert.deepEqual(g.moved("End", [1, 0], [3, 4]), [1, 3]);
  assert.deepEqual(g.moved("End", [1, 0], [3, 4], true), [2, 3]);
  assert.equal(g.moved("x", [1, 0], [3, 4]), null);
});

test("highlighted cells are clipped to the window and the slice", () => {
  const window = { lead: [1], row: 2, column: 1, rows: 3, columns: 2, level: 0 };
  const shape = [2, 8, 4];
  assert.deepEqual(g.seenCells({ box: [[0, 1], [0, 7], [1, 1]] }, window, shape), { box: [0, 0, 2, 0] });
  assert.equal(g.seenCells({ box: [[0, 0], [0, 7], [1, 1]] }, window, shape), null);
  assert.equal(g.seenCells({ box: [[1, 1], [6, 7], [1, 1]] }, window, shape), null);
  assert.deepEqual(g.seenCells({ cells: [[1, 2, 1], [0, 2, 1], [1, 7, 1]] }, window, shape), { cells: [[0, 0]] });
  assert.deepEqual(g.seenCells({ box: [] }, g.wholeWindow([]), []), { box: [0, 0, 0, 0] });
  assert.deepEqual(g.seenCells({ box: [[0, 4]] }, g.wholeWindow([6]), [6]), { box: [0, 0, 0, 4] });
});

test("the outline goes around a set, not around each of its cells", () => {
  assert.equal(g.outline({ box: [0, 2, 15, 2] }).length, 4);
  const ell = g.outline({ cells: [[0, 0], [1, 0], [1, 1]] });
  const length = ell.reduce((sum, [x1, y1, x2, y2]) => sum + Math.abs(x2 - x1) + Math.abs(y2 - y1), 0);
  assert.equal(length, 8);
  assert.equal(ell.length, 6);
  const column = Array.from({ length: 100 }, (_, row) => [row, 3]);
  assert.equal(g.outline({ cells: column }).length, 4);
});

test("zooming keeps the cell under the pointer where it is", () => {
  const window = { lead: [], row: 100, column: 40, rows: 40, columns: 55, level: 6 };
  const closer = g.zoomed({}, window, 12, [120, 60]);
  assert.deepEqual([closer.row, closer.column, closer.level], [110, 50, 12]);
  const back = g.zoomed({}, closer, 6, [120, 60]);
  assert.deepEqual([back.row, back.column], [100, 40]);
});

test("ranges are told in words", () => {
  assert.equal(g.rangeText("row", 120, 32, 1000), "rows 120–151 of 1,000");
  assert.equal(g.rangeText("column", 0, 1, 1), "1 column");
  assert.equal(g.rangeText("row", 0, 4, 4), "4 rows");
});
