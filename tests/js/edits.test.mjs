import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { stepOf, stepped } = await load(["shared/common", "board/edits"], ["stepOf", "stepped"]);

test("a pixel changes about a hundredth of what is large there", () => {
  assert.deepEqual([2, 0.5, 70, 0, Infinity].map(stepOf), [0.01, 0.01, 1, 0.01, 0.01]);
});

test("a dragged number lands on whole steps; a learning rate grows by its share", () => {
  assert.equal(stepped(0.3, 5, 0.01, false), 0.35);
  assert.equal(stepped(0.1234, -1, 0.01, false), 0.11);
  assert.equal(stepped(-0.02, 3, 0.01, false), 0.01);
  assert.ok(stepped(0.1, -200, 1, true) > 0);
  assert.ok(Math.abs(stepped(stepped(0.1, 20, 1, true), -20, 1, true) - 0.1) < 0.001);
});
