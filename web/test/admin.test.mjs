import assert from "node:assert/strict";
import { test } from "node:test";

import { Poll, ago, backupState, byUser, duration, endsAt, inWords, lastNumber, merge, refusals, scale, segments, size, typical } from "../admin-data.js";

const turn = (number, more = {}) => ({ number, spans: [{ stage: "answer", from_ms: 0, took_ms: 10 }], waited_ms: 10, whole_ms: 10, files: [], ...more });
const gateway = (run, turns, words_until_ms = null) => ({ run, turns, words_until_ms });

test("turns are kept newest first, and a gateway that was started anew begins anew", () => {
  let known = merge({ run: undefined, turns: [] }, gateway(1, [turn(1), turn(2)]));
  known = merge(known, gateway(1, [turn(3)]));
  assert.deepEqual(known.turns.map((one) => one.number), [3, 2, 1]);
  assert.equal(lastNumber(known, 1), 3);
  assert.equal(lastNumber(known, 2), 0);
  known = merge(known, gateway(2, [turn(1)]));
  assert.deepEqual(known.turns.map((one) => one.number), [1]);
});

test("a turn that comes twice is there once, and there are never more than HAL keeps", () => {
  const many = Array.from({ length: 500 }, (_, index) => turn(index + 1));
  let known = merge({ run: 1, turns: [] }, gateway(1, many));
  known = merge(known, gateway(1, [turn(500), turn(501)]));
  assert.equal(known.turns.length, 500);
  assert.deepEqual(known.turns.slice(0, 3).map((one) => one.number), [501, 500, 499]);
});

test("words go from the page when HAL has forgotten them", () => {
  const said = turn(1, { question: "who is xenia", answer: "a cat" });
  let known = merge({ run: 1, turns: [] }, gateway(1, [said], 99));
  assert.equal(known.turns[0].question, "who is xenia");
  known = merge(known, gateway(1, [], null));
  assert.ok(!JSON.stringify(known).includes("xenia") && !JSON.stringify(known).includes("cat"));
});

test("a bar begins with the end of the question, and stages lie where they were", () => {
  const spoken = {
    whole_ms: 2200,
    waited_ms: 200,
    spans: [
      { stage: "say", from_ms: 0, took_ms: 2000 },
      { stage: "hear", from_ms: 2000, took_ms: 100 },
      { stage: "answer", from_ms: 2100, took_ms: 0 },
      { stage: "speak", from_ms: 2110, took_ms: 90 },
    ],
  };
  assert.deepEqual(segments(spoken, 200), [
    { stage: "hear", from: 0, width: 50 },
    { stage: "answer", from: 50, width: 0.6 },
    { stage: "speak", from: 55, width: 45 },
  ]);
  assert.equal(inWords(spoken), "spoke 2.0 s · hear 100 ms · answer 0 ms · speak 90 ms");
  for (const piece of segments({ ...spoken, waited_ms: 60000, whole_ms: 62000, spans: [{ stage: "answer", from_ms: 2000, took_ms: 60000 }] }, 3000)) {
    assert.ok(piece.from + piece.width <= 100);
  }
});

test("all bars have one scale, which a single slow turn does not spoil", () => {
  assert.equal(scale([]), 100);
  assert.equal(scale([turn(1), turn(2, { waited_ms: 240 })]), 300);
  assert.equal(scale([turn(1, { waited_ms: 60000 })]), 3000);
  assert.equal(typical([turn(1), turn(2, { waited_ms: 30 }), turn(3, { waited_ms: 20 }), turn(4, { waited_ms: 9000, code: "TIMEOUT" })]), 20);
  assert.equal(typical([]), null);
});

test("times, sizes and ends are told in words", () => {
  const now = 1_000_000_000_000;
  assert.equal(ago(now - 1000, now), "just now");
  assert.equal(ago(now - 120000, now), "2 min ago");
  assert.equal(ago(now - 3 * 3600000, now), "3 h ago");
  assert.equal(ago(now + 90 * 86400000, now), "in 90 days");
  assert.equal(duration(80), "80 ms");
  assert.equal(duration(1900), "1.9 s");
  assert.equal(size(9999), "9999 bytes");
  assert.equal(size(521_000), "521 kB");
  assert.equal(endsAt({ credentials: [{ expires_ms: 5 }, { expires_ms: 9 }] }), 9);
  assert.equal(endsAt({ credentials: [{ expires_ms: 5 }, {}] }), null);
  assert.equal(endsAt({ credentials: [] }), undefined);
  assert.equal(backupState({ files: [] }, now), "none");
  assert.equal(backupState({ files: [{ made_ms: now - 8 * 86400000 }] }, now), "old");
  assert.equal(backupState({ files: [{ made_ms: now - 86400000 }] }, now), "fresh");
});

test("devices are shown with their users, those that are shut out apart", () => {
  const device = (id, user, more = {}) => ({ id, user, credentials: [], ...more });
  const groups = byUser({
    users: [{ id: "ann", name: "Ann", role: "owner" }],
    devices: [device("d-1", "ann"), device("d-2", "ann", { revoked_ms: 1 }), device("d-3", "gone")],
  });
  assert.deepEqual(groups.map(({ user, devices, out }) => [user.id, devices.length, out.length]), [["ann", 1, 1], ["gone", 1, 0]]);
});

test("only what was refused or went wrong is counted as that", () => {
  const told = refusals([["hal_connections_total", "", 5], ["hal_errors_total", "BUSY", 2], ["hal_connections_refused_total", "", 1]]);
  assert.deepEqual(told, [{ name: "errors", label: "BUSY", value: 2 }, { name: "connections refused", label: "", value: 1 }]);
});

function poller(answers, visible = true) {
  const told = [];
  const asked = [];
  const timers = [];
  const outside = {
    get: async (path) => {
      asked.push(path);
      const answer = answers.shift();
      if (answer === undefined) throw new Error("away");
      return { ok: answer.status === 200, json: async () => answer.body ?? {}, ...answer };
    },
    isVisible: () => outside.visible,
    visible,
    setTimeout: (then, wait_ms) => timers.push({ then, wait_ms }),
    clearTimeout: () => {},
  };
  const on = {
    state: (state) => told.push(["state", state]),
    signIn: () => told.push(["signIn"]),
    refused: (message) => told.push(["refused", message]),
    away: (message) => told.push(["away", message]),
  };
  return { poll: new Poll(on, outside), told, asked, timers, outside };
}

test("it asks every other second while somebody looks, and not at all while nobody does", async () => {
  const page = poller([{ status: 200, body: { a: 1 } }, { status: 200 }]);
  page.poll.after = 7;
  await page.poll.now();
  assert.deepEqual(page.told, [["state", { a: 1 }]]);
  assert.deepEqual(page.asked, ["admin/state?after=7"]);
  assert.deepEqual(page.timers.map(({ wait_ms }) => wait_ms), [2000]);
  page.outside.visible = false;
  await page.timers[0].then();
  assert.equal(page.asked.length, 1);
  assert.equal(page.timers.length, 1);
});

test("who may not see it is not asked for again; who is away is", async () => {
  for (const [answer, told, stops] of [
    [{ status: 401 }, "signIn", true],
    [{ status: 403, body: { message: "owners only" } }, "refused", true],
    [{ status: 503 }, "away", false],
    [{ status: 500 }, "away", false],
    [undefined, "away", false],
  ]) {
    const page = poller(answer === undefined ? [] : [answer]);
    await page.poll.now();
    assert.equal(page.told[0][0], told);
    assert.equal(page.poll.stopped, stops);
    assert.equal(page.timers.length, stops ? 0 : 1, told);
  }
});
