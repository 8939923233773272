import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { foldKeys, foldLabel, foldTitle } = await load(["board/folds"], ["foldKeys", "foldLabel", "foldTitle"]);

test("a button is known by what it folds, wherever it stands; two of one sum are two", () => {
  const band = { name: "layer 1/step 2", where: "band" }, column = { ...band, where: "column" };
  assert.deepEqual(foldKeys([band]), foldKeys([column]));
  const sum = { name: "layer 1/dC_dh", where: "sum" };
  assert.deepEqual(foldKeys([sum, band, sum]), ["layer 1/dC_dh", "layer 1/step 2", "layer 1/dC_dh (2)"]);
});

test("a label begins with the words that are seen, and says where", () => {
  assert.equal(foldLabel({ words: "Layer 1", name: "layer 1" }), "Layer 1");
  assert.equal(foldLabel({ words: "step 2", name: "layer 1/step 2" }), "step 2, layer 1/step 2");
  assert.match(foldTitle({ name: "w", open: true, where: "band" }), /^fold/);
  assert.match(foldTitle({ name: "w", open: false, where: "column" }), /^open/);
  assert.match(foldTitle({ name: "dC_dw", open: false, where: "sum" }), /share of dC_dw/);
});
