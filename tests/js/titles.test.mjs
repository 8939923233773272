import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { fitted, cutTitles } = await load(
  ["shared/common", "board/geometry", "board/titles"], ["fitted", "cutTitles"]);
const context = { measureText: (text) => ({ width: 6 * text.length }) };

test("a text is cut where its room ends, and no sooner", () => {
  assert.deepEqual(fitted(context, "gradient", 48), ["gradient", 48]);
  assert.deepEqual(fitted(context, "gradient", 47), ["gradie…", 42]);
  assert.deepEqual(fitted(context, "gradient", 6), ["…", 6]);
  assert.deepEqual(fitted(context, "gradient", 2), ["…", 6]);
});

test("whatever is cut is there as a whole, where it stands; nothing else is", () => {
  const matrix = { shape: [2, 3, 4, 5], axes: [null, "channel", null, null], labels: { 1: ["red", "yellow and blue", "green"] } };
  const place = (title, room, more = {}) => ({
    matrix: 0, title, room, x: 10, y: 100, width: 90, tile: null, tools: false, literal: false, ...more,
  });
  const layout = {
    width: 300, matrices: [matrix],
    bands: [
      { title: "Layer 1", detail: "4 → 8", x: 0, y: 0, width: 300, foldable: false },
      { title: "Layer 2", detail: "8 → 4 · leaky ReLU · x is h of the first part", x: 16, y: 50.4, width: 284, foldable: true },
    ],
    places: [
      place("a_long_name", 60), place("a_longer_name", 60), // 66 and 78 wide, in 60 + 6
      place("a_longer_name", 60, { tools: true }), place("q", 60, { tile: 0 }),
      place("a_longer_name", 60, { tile: 1, width: 60 }), // the first slice's title is theirs
    ],
  };
  const found = cutTitles(context, layout);
  assert.deepEqual(found.map(({ words, x, y }) => [words, x, y]), [
    ["8 → 4 · leaky ReLU · x is h of the first part", 16 + 15 + 42 + 8, 68],
    ["a_longer_name", 10, 94],
    ["a_longer_name", 10, 70],
    ["yellow and blue", 10, 96], // its number stands there
  ]);
  assert.ok(found.every(({ width }) => width > 0));
});
