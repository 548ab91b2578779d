import assert from "node:assert/strict";
import { test } from "node:test";
import { Tab } from "../tab.js";

function storage(entries = {}) {
  const map = new Map(Object.entries(entries));
  return {
    map,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => map.set(key, value),
    removeItem: (key) => map.delete(key),
  };
}

test("what was put is taken once: a copy of the tab finds nothing", () => {
  const kept = storage();
  new Tab(() => kept).put({ resume: "secret", seen: [1, 2], open: 3, words: "never" });
  const after = new Tab(() => kept);
  assert.deepEqual(after.take(), { resume: "secret", seen: [1, 2], open: 3 });
  assert.equal(kept.map.size, 0);
  assert.equal(after.take(), null);
});

test("only a token and numbers are kept", () => {
  const kept = storage();
  const tab = new Tab(() => kept);
  tab.put({ resume: null, seen: [], open: null });
  assert.equal(kept.map.size, 0, "no token, nothing to go on with");
  tab.put({ resume: "secret", seen: [], open: null, question: "What medications am I taking?" });
  assert.doesNotMatch([...kept.map.values()].join(), /medication/);
});

test("who signs out leaves nothing, also when the page goes afterwards", () => {
  const kept = storage();
  const tab = new Tab(() => kept);
  tab.put({ resume: "secret", seen: [], open: null });
  tab.forget();
  tab.put({ resume: "secret", seen: [], open: null });
  assert.equal(kept.map.size, 0);
});

test("what is damaged, and a storage that is forbidden, begin anew", () => {
  for (const text of ["", "{", "null", "7", '{"seen":[]}', '{"resume":"a","seen":["b"]}', '{"resume":7,"seen":[]}']) {
    assert.equal(new Tab(() => storage({ "hal.conversation": text })).take(), null, text);
  }
  const forbidden = () => {
    throw new Error("SecurityError");
  };
  const tab = new Tab(forbidden);
  assert.equal(tab.take(), null);
  tab.put({ resume: "secret", seen: [], open: null });
  tab.forget();
});
