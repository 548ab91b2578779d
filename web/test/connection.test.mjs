import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection, backoffMs, closeReason, gatewayUrl } from "../connection.js";

/** A clock that moves only when told, and sockets that do only what the test says. */
function outside(random = () => 1) {
  const timers = new Map();
  let id = 0;
  const world = {
    sockets: [],
    now_ms: 1000,
    random,
    open(url) {
      const socket = {
        url,
        sent: [],
        bufferedAmount: 0,
        closed: false,
        send: (data) => socket.sent.push(data),
        close: () => (socket.closed = true),
        says: (message) => socket.onmessage({ data: typeof message === "string" ? message : JSON.stringify(message) }),
        ends: (code) => socket.onclose({ code }),
      };
      world.sockets.push(socket);
      return socket;
    },
    setTimeout: (then, wait_ms) => (timers.set((id += 1), { then, at_ms: world.now_ms + wait_ms }), id),
    clearTimeout: (timer) => timers.delete(timer),
    now: () => world.now_ms,
    pass(ms) {
      const until_ms = world.now_ms + ms;
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.at_ms <= until_ms).sort(([, a], [, b]) => a.at_ms - b.at_ms)[0];
        if (!due) break;
        timers.delete(due[0]);
        world.now_ms = due[1].at_ms;
        due[1].then();
      }
      world.now_ms = until_ms;
    },
    get timers() {
      return timers.size;
    },
  };
  return world;
}

function connect(world) {
  const seen = { statuses: [], messages: [], binaries: [] };
  const connection = new Connection(
    "ws://hal/",
    {
      change: (status) => seen.statuses.push(status),
      message: (message) => seen.messages.push(message),
      binary: (bytes) => seen.binaries.push(bytes),
    },
    world,
  );
  connection.connect();
  return { connection, seen };
}

const GREETING = { type: "connected", session_id: "12345678", state: "passive_listening" };

test("the wait doubles from one second to thirty and stays there", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 1000].map((attempt) => backoffMs(attempt, () => 1)), [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test("half of the wait is chance", () => {
  assert.equal(backoffMs(2, () => 0), 2000);
  assert.equal(backoffMs(2, () => 0.5), 3000);
});

test("the gateway is where the script came from, below any prefix, with the page's own query", () => {
  const check = (script, query, expected) => assert.equal(gatewayUrl(script, query), expected);
  check("https://hal.example.com/app.js", "", "wss://hal.example.com/?audio=wav");
  check("https://example.com/voice/app.js", "", "wss://example.com/voice/?audio=wav");
  check("http://192.0.2.10:8768/app.js", "", "ws://192.0.2.10:8768/?audio=wav");
  check("https://example.com/a/b/app.js?v=1#x", "?user=ada&audio=off", "wss://example.com/a/b/?user=ada&audio=wav");
});

test("it is open only when HAL has greeted", () => {
  const world = outside();
  const { connection, seen } = connect(world);
  assert.equal(connection.send({ type: "text_input", text: "early" }), false);
  world.sockets[0].says({ type: "ack" });
  assert.equal(connection.isOpen, false);
  world.sockets[0].says(GREETING);
  assert.equal(connection.isOpen, true);
  assert.equal(connection.send({ type: "text_input", text: "now" }), true);
  assert.deepEqual(world.sockets[0].sent, ['{"type":"text_input","text":"now"}']);
  assert.deepEqual(seen.statuses.map(({ phase }) => phase), ["connecting", "open"]);
});

test("a server that accepts and never greets is left", () => {
  const world = outside();
  const { seen } = connect(world);
  world.pass(15000);
  assert.equal(world.sockets[0].closed, true);
  assert.deepEqual(seen.statuses.at(-1), { phase: "waiting", reason: "HAL does not answer.", retry_at_ms: 17000 });
});

test("each failure waits longer, and only a steady connection starts anew", () => {
  const world = outside();
  const { connection } = connect(world);
  const waits = [];
  for (let round = 0; round < 7; round += 1) {
    world.sockets.at(-1).ends(1006);
    waits.push(connection.status.retry_at_ms - world.now_ms);
    world.pass(waits.at(-1));
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.equal(world.sockets.length, 8);

  // Greeted and cut off at once: the loop of connect and disconnect that early users met must not come back.
  world.sockets.at(-1).says(GREETING);
  world.pass(9999);
  world.sockets.at(-1).ends(1006);
  assert.equal(connection.status.retry_at_ms - world.now_ms, 30000);
  world.pass(30000);

  world.sockets.at(-1).says(GREETING);
  world.pass(10000);
  world.sockets.at(-1).ends(1006);
  assert.equal(connection.status.retry_at_ms - world.now_ms, 1000);
});

test("a full server is left alone for five seconds at least", () => {
  const world = outside();
  const { connection } = connect(world);
  world.sockets[0].ends(1013);
  assert.equal(connection.status.retry_at_ms - world.now_ms, 5000);
  assert.equal(connection.status.reason, "HAL is busy: too many conversations at once.");
});

test("coming back online connects at once, and never twice", () => {
  const world = outside();
  const { connection } = connect(world);
  connection.wake();
  assert.equal(world.sockets.length, 1, "one attempt was under way already");
  world.sockets[0].ends(1006);
  connection.wake();
  connection.wake();
  assert.equal(world.sockets.length, 2);
  world.pass(14999);
  assert.equal(world.sockets.length, 2, "the retry that was planned is gone");
});

test("reasons are in words", () => {
  assert.match(closeReason(1012, true), /restarting/);
  assert.match(closeReason(1013, true), /busy/);
  assert.match(closeReason(1008, true), /sign-in/);
  assert.match(closeReason(1011, true), /fault/);
  assert.match(closeReason(1006, true), /lost/);
  assert.match(closeReason(1006, false), /does not answer/);
});

test("silence after a question ends the connection; any message is a sign of life", () => {
  const world = outside();
  const { connection, seen } = connect(world);
  world.sockets[0].says(GREETING);
  connection.expectReply(10000);
  world.pass(9999);
  world.sockets[0].says({ type: "processing" });
  world.pass(20000);
  assert.equal(connection.isOpen, true);
  connection.expectReply(10000);
  world.pass(10000);
  assert.equal(world.sockets[0].closed, true);
  assert.equal(seen.statuses.at(-1).reason, "The connection to HAL was lost.");
  assert.equal(world.sockets[0].onmessage, null, "what arrives late on the old line is dropped");
});

test("damaged and foreign messages change nothing", () => {
  const world = outside();
  const { connection, seen } = connect(world);
  world.sockets[0].says(GREETING);
  for (const text of ["", "{", "null", "7", '"text"']) world.sockets[0].says(text);
  assert.equal(connection.isOpen, true);
  assert.equal(seen.messages.length, 1);
});

test("sound is refused when the line cannot keep up", () => {
  const world = outside();
  const { connection } = connect(world);
  assert.equal(connection.sendBinary(new ArrayBuffer(2)), false);
  world.sockets[0].says(GREETING);
  assert.equal(connection.sendBinary(new ArrayBuffer(2)), true);
  world.sockets[0].bufferedAmount = 320001;
  assert.equal(connection.sendBinary(new ArrayBuffer(2)), false);
});

test("a quiet connection sends a heartbeat, a closed one leaves no timer but the retry", () => {
  const world = outside();
  connect(world);
  world.sockets[0].says(GREETING);
  world.pass(90000);
  assert.deepEqual(world.sockets[0].sent, Array(2).fill('{"type":"heartbeat","session_id":"12345678"}'));
  world.sockets[0].ends(1012);
  assert.equal(world.timers, 1);
});

test("a new connection goes on with the conversation, and is open only then", () => {
  const world = outside();
  const { connection, seen } = connect(world);
  world.sockets[0].says({ ...GREETING, resume: "secret" });
  assert.equal(connection.canResume, true);
  for (let turn = 1; turn <= 20; turn += 1) world.sockets[0].says({ type: "response", text: "a", turn });
  world.sockets[0].ends(1012);
  world.pass(1000);
  const socket = world.sockets[1];
  socket.says({ ...GREETING, session_id: "another!", resume: "other" });
  assert.deepEqual(JSON.parse(socket.sent[0]), { type: "resume", resume: "secret", seen: [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20] });
  assert.equal(connection.isOpen, false);
  assert.equal(connection.send({ type: "text_input", text: "early" }), false);
  socket.says({ type: "response", text: "missed", turn: 21, is_missed: true });
  socket.says({ type: "resumed", resumed: true, session_id: "12345678", resume: "secret" });
  assert.equal(connection.isOpen, true);
  assert.equal(connection.session_id, "12345678");
  assert.deepEqual(seen.messages.slice(-3).map(({ type }) => type), ["connected", "response", "resumed"]);
  assert.equal(connection.seen.at(-1), 21);
});

test("a page that is loaded again goes on with the token of the one before, and is told its answers again", () => {
  const world = outside();
  const statuses = [];
  const connection = new Connection("ws://hal/", { change: ({ phase }) => statuses.push(phase), message: () => {}, binary: () => {} }, world, "kept");
  connection.connect();
  world.sockets[0].says({ ...GREETING, resume: "other" });
  assert.deepEqual(JSON.parse(world.sockets[0].sent[0]), { type: "resume", resume: "kept", seen: [] });
  assert.deepEqual(statuses, ["connecting"]);
  world.sockets[0].says({ type: "resumed", resumed: true, session_id: "12345678", resume: "kept" });
  assert.deepEqual(statuses, ["connecting", "open"]);
});

test("records that are away are waited for; whatever else is in the way begins anew", () => {
  const world = outside();
  const { connection, seen } = connect(world);
  world.sockets[0].says({ ...GREETING, resume: "secret" });
  world.sockets[0].ends(1006);
  world.pass(1000);
  world.sockets[1].says({ ...GREETING, resume: "other" });
  world.sockets[1].says({ type: "error", code: "QM_UNAVAILABLE", message: "I cannot reach my records." });
  assert.equal(world.sockets[1].closed, true);
  assert.equal(connection.token, "secret", "another attempt may find it");
  world.pass(2000);
  world.sockets[2].says({ ...GREETING, resume: "third" });
  world.sockets[2].says({ type: "error", code: "BAD_FIELD", message: "no" });
  assert.equal(connection.isOpen, true);
  assert.equal(connection.token, "third");
  assert.deepEqual([seen.messages.at(-1).type, seen.messages.at(-1).resumed], ["resumed", false]);
});

test("a server that answers neither yes nor no is left", () => {
  const world = outside();
  const { seen } = connect(world);
  world.sockets[0].says({ ...GREETING, resume: "secret" });
  world.sockets[0].ends(1006);
  world.pass(1000);
  world.sockets[1].says({ ...GREETING, resume: "other" });
  world.pass(15000);
  assert.equal(seen.statuses.at(-1).reason, "HAL does not answer.");
});
