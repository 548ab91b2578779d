import assert from "node:assert/strict";
import { test } from "node:test";
import { Conversation, OUTBOX_MAX } from "../conversation.js";

/** A conversation with stand-ins for everything around it; `log` tells what was sent and shown, in order. */
function house({ open = true, before = null } = {}) {
  const log = [];
  const timers = new Map();
  let id = 0;
  const clock = {
    now_ms: 0,
    now: () => clock.now_ms,
    setTimeout: (then, wait_ms) => (timers.set((id += 1), { then, at_ms: clock.now_ms + wait_ms }), id),
    clearTimeout: (timer) => timers.delete(timer),
  };
  const connection = {
    isOpen: open,
    canResume: false,
    status: { phase: open ? "open" : "connecting", reason: "", retry_at_ms: 0 },
    slow: false,
    expectReply: () => {},
    send: (message) => {
      if (connection.isOpen) log.push(message.command ?? (message.text ? `ask ${message.text}` : message.type));
      return connection.isOpen;
    },
    sendBinary: () => connection.isOpen && !connection.slow,
  };
  const microphone = {
    refusal: null,
    open: async () => {
      if (microphone.refusal) throw microphone.refusal;
      log.push("mic open");
    },
    start: () => log.push("mic start"),
    pause: () => log.push("mic pause"),
    finish: () => log.push("mic finish"),
    close: () => log.push("mic close"),
  };
  const player = {
    isPlaying: false,
    stop: () => (player.isPlaying = false),
    enqueueBase64: () => (player.isPlaying = true),
  };
  const view = {
    show: () => {},
    connection: () => {},
    notices: (texts) => texts.forEach((text) => log.push(`notice: ${text}`)),
    question: (text, { heard }) => (log.push(`${heard ? "heard" : "typed"}: ${text}`), text),
    waiting: (bubble, waits) => waits && log.push(`waits: ${bubble}`),
    unanswered: (bubble, again) => {
      log.push(`unanswered: ${bubble}`);
      view.again = again;
    },
    answer: (text) => log.push(`answer: ${text}`),
    error: (text) => log.push(`error: ${text}`),
    note: (text) => log.push(`note: ${text}`),
    cameBack: (text) => log.push(`back: ${text}`),
    troubleOver: () => {},
    trouble: (text) => log.push(`trouble: ${text}`),
  };
  const conversation = new Conversation({ connection, microphone, player, view, clock, before, random: () => 0.5 });
  const greeting = { type: "connected", session_id: "12345678" };
  if (open) conversation.message(greeting);
  return {
    conversation, connection, microphone, player, view, log,
    says: (...messages) => messages.forEach((message) => conversation.message(message)),
    pass(ms) {
      clock.now_ms += ms;
      for (const [timer, { then, at_ms }] of [...timers]) {
        if (at_ms <= clock.now_ms && timers.delete(timer)) then();
      }
    },
    line(phase) {
      connection.isOpen = phase === "open";
      connection.status.phase = phase;
      conversation.connectionChanged();
      if (phase === "open") conversation.message(greeting);
    },
    /** The line comes back as one that goes on: the greeting, what was missed, and then it is open. */
    back(resumed, ...missed) {
      conversation.message(greeting);
      for (const message of missed) conversation.message({ ...message, type: "response", is_missed: true });
      connection.isOpen = true;
      connection.status.phase = "open";
      conversation.connectionChanged();
      conversation.message({ type: "resumed", resumed, session_id: "12345678" });
    },
    take: () => log.splice(0),
  };
}

const PASSIVE = { type: "state_change", new_state: "passive_listening" };
const FOLLOW_UP = { type: "state_change", new_state: "active_listening", countdown_ms: 10000 };
const LISTENS = { type: "state_change", new_state: "active_listening", timeout_ms: 30000 };
const answer = (text, more = {}) => ({ type: "response", text, ...more });

test("a typed question is thought about, answered, spoken and followed up", () => {
  const { conversation, says, player, pass, take } = house();
  assert.equal(conversation.state, "idle");
  assert.equal(conversation.ask("  What time is it? "), true);
  assert.equal(conversation.state, "thinking");
  says({ type: "processing" }, answer("Noon.", { audio: "UklGRg==" }), FOLLOW_UP);
  assert.equal(conversation.state, "speaking");
  player.stop();
  conversation.playerChanged();
  assert.equal(conversation.state, "follow-up");
  pass(10000);
  assert.equal(conversation.state, "idle");
  assert.deepEqual(take(), ["typed: What time is it?", "ask What time is it?", "answer: Noon."]);
});

test("blank text is not a question", () => {
  const { conversation, take } = house();
  assert.equal(conversation.ask("  \n"), false);
  assert.deepEqual(take(), []);
});

test("a new question silences the answer that is being spoken", () => {
  const { conversation, says, player } = house();
  conversation.ask("first");
  says(answer("long", { audio: "UklGRg==" }));
  assert.equal(player.isPlaying, true);
  conversation.ask("second");
  assert.equal(player.isPlaying, false);
  assert.equal(conversation.state, "thinking");
});

test("questions typed while HAL is away are kept, and asked one after the other when it is back", () => {
  const { conversation, line, says, take } = house({ open: false });
  line("waiting");
  assert.equal(conversation.state, "offline");
  conversation.ask("one");
  conversation.ask("two");
  assert.deepEqual(take(), ["typed: one", "waits: one", "typed: two", "waits: two"]);
  line("open");
  assert.deepEqual(take(), ["ask one"]);
  says(answer("1"));
  assert.deepEqual(take(), ["answer: 1", "ask two"]);
  says({ type: "error", message: "no" }, PASSIVE);
  assert.deepEqual(take(), ["error: no"]);
});

test("the sixth waiting question is refused, and its text is left to the person", () => {
  const { conversation, line, take } = house();
  line("waiting");
  for (let number = 1; number <= OUTBOX_MAX; number += 1) assert.equal(conversation.ask(`q${number}`), true);
  take();
  assert.equal(conversation.ask("one more"), false);
  assert.match(take()[0], /^trouble: 5 questions are waiting/);
});

test("a question cut off by a lost line is marked, not sent twice by itself", () => {
  const { conversation, line, view, take } = house();
  conversation.ask("add milk");
  line("waiting");
  line("open");
  assert.deepEqual(take(), ["typed: add milk", "ask add milk", "unanswered: add milk"]);
  view.again();
  assert.deepEqual(take(), ["ask add milk"]);
});

test("a question cut off is asked again under its number when HAL goes on", () => {
  const { conversation, connection, line, back, says, take } = house();
  connection.canResume = true;
  conversation.ask("what time is it");
  says(answer("Noon.", { turn: 1 }));
  conversation.ask("add milk");
  take();
  const sent = [];
  const { send } = connection;
  connection.send = (message) => (sent.push(message.turn), send(message));
  says({ type: "error", code: "DRAINING", message: "I am restarting." });
  line("waiting");
  back(true);
  assert.deepEqual(take(), ["waits: add milk", "back: Connected again. The conversation goes on.", "ask add milk"]);
  assert.deepEqual(sent, [2]);
  // A second loss keeps the number; a question of its own gets the next.
  line("waiting");
  back(false);
  assert.deepEqual(take(), ["waits: add milk", "back: Connected again. HAL no longer knows what you talked about.", "ask add milk"]);
  says(answer("Shall I add milk?", { turn: 2 }));
  conversation.ask("yes");
  assert.deepEqual(sent, [2, 2, 3]);
});

test("an answer that was missed is shown, and its question is not asked again", () => {
  const { conversation, connection, line, back, take } = house();
  connection.canResume = true;
  conversation.ask("add milk");
  take();
  line("waiting");
  back(true, { text: "Shall I add milk?", turn: 1 });
  assert.deepEqual(take(), ["waits: add milk", "back: Connected again. This came meanwhile:", "answer: Shall I add milk?"]);
  assert.equal(conversation.state, "idle");
});

test("a missed answer to speech comes with what was heard; without one the person is asked to speak again", async () => {
  const { conversation, connection, line, back, says, take } = house();
  connection.canResume = true;
  await conversation.listen();
  says({ type: "ack" }, LISTENS, { type: "processing" });
  line("waiting");
  take();
  back(true, { text: "Noon.", turn: 2 ** 33, transcription: "what time is it" });
  assert.deepEqual(take(), ["back: Connected again. This came meanwhile:", "heard: what time is it", "answer: Noon."]);
  await conversation.listen();
  says({ type: "ack" }, LISTENS, { type: "processing" });
  line("waiting");
  take();
  back(true);
  assert.match(take().at(-1), /^note: The connection was lost before the answer came/);
});

test("what was given up is not told after all, and a silent page says nothing about its line", () => {
  const { conversation, connection, line, back, take } = house();
  connection.canResume = true;
  line("waiting");
  back(true);
  assert.deepEqual(take(), []);
  conversation.ask("tell me");
  conversation.stop();
  take();
  line("waiting");
  back(true, { text: "A long story", turn: 1 });
  assert.deepEqual(take(), []);
});

test("a question that is never answered ends in words", () => {
  const { conversation, pass, take } = house();
  conversation.ask("hello");
  pass(75000);
  assert.equal(conversation.state, "idle");
  assert.match(take().at(-1), /^error: No answer came/);
});

test("held button: wake word, sound, end of speech, in this order", async () => {
  const { conversation, says, pass, take } = house();
  await conversation.listen();
  assert.equal(conversation.state, "listening");
  says({ type: "ack", sound: "chime" }, LISTENS);
  conversation.release(true);
  assert.equal(conversation.state, "listening", "the last sound is still on its way");
  pass(200);
  assert.equal(conversation.state, "thinking");
  says({ type: "processing" }, { type: "transcription", text: "what time is it" }, answer("Noon."), FOLLOW_UP);
  assert.deepEqual(take(), [
    "mic open", "wake_word_detected", "mic start", "mic finish", "speech_ended", "heard: what time is it", "answer: Noon.",
  ]);
  says(PASSIVE);
  assert.deepEqual(take(), ["mic close"]);
});

test("tapped button: HAL finds the end, and listens again only after it has spoken", async () => {
  const { conversation, says, player, take } = house();
  await conversation.listen();
  conversation.release(false);
  says({ type: "ack" }, LISTENS, { type: "processing" }, answer("Noon.", { audio: "UklGRg==", transcription: "what time is it" }), FOLLOW_UP);
  assert.deepEqual(take(), ["mic open", "wake_word_detected", "mic start", "mic pause", "heard: what time is it", "answer: Noon."]);
  assert.equal(conversation.state, "speaking");
  player.isPlaying = false;
  conversation.playerChanged();
  assert.deepEqual(take(), ["mic start"]);
  assert.equal(conversation.state, "follow-up");
  says(PASSIVE);
  assert.deepEqual(take(), ["mic close"]);
  assert.equal(conversation.state, "idle");
});

test("what was heard is shown once, whether it comes alone or with the answer", async () => {
  const { conversation, says, take } = house();
  await conversation.listen();
  says({ type: "ack" }, LISTENS, { type: "transcription", text: "hello" }, answer("Hi.", { transcription: "hello" }));
  assert.equal(take().filter((line) => line === "heard: hello").length, 1);
});

test("talking over HAL stops it, and its late farewell does not close the microphone", async () => {
  const { conversation, says, player, take } = house();
  conversation.ask("tell me");
  says(answer("A long story", { audio: "UklGRg==" }), FOLLOW_UP);
  take();
  await conversation.listen();
  assert.equal(player.isPlaying, false);
  assert.deepEqual(take(), ["stop", "mic open", "wake_word_detected", "mic start"]);
  says(PASSIVE); // The reply to `stop`, sent before our wake word arrived.
  assert.equal(conversation.state, "listening");
  says({ type: "ack" }, LISTENS, PASSIVE); // This one is real: nobody spoke.
  assert.equal(conversation.state, "idle");
  assert.deepEqual(take(), ["mic close"]);
});

test("stop while thinking is stop, while listening is hold; both are silent at once", async () => {
  const { conversation, says, take } = house();
  conversation.ask("tell me");
  conversation.stop();
  assert.equal(conversation.state, "idle");
  await conversation.listen();
  says({ type: "ack" }, LISTENS);
  take();
  conversation.stop();
  assert.deepEqual(take(), ["mic close", "hold"]);
});

test("stop while the browser still asks for the microphone leaves it shut", async () => {
  const { conversation, microphone, take } = house();
  let grant;
  microphone.open = () => new Promise((resolve) => (grant = resolve));
  const listening = conversation.listen();
  assert.equal(conversation.state, "opening");
  conversation.stop();
  grant();
  await listening;
  assert.equal(conversation.state, "idle");
  assert.deepEqual(take(), ["mic close", "hold", "mic close"]);
});

test("no microphone is a sentence, and typing goes on", async () => {
  const { conversation, microphone, take } = house();
  microphone.refusal = new Error("The microphone is blocked.");
  await conversation.listen();
  assert.equal(conversation.state, "idle");
  assert.equal(conversation.ask("hello"), true);
  assert.deepEqual(take(), ["trouble: The microphone is blocked.", "typed: hello", "ask hello"]);
});

test("a line too slow for sound says so and stops recording", async () => {
  const { conversation, connection, take } = house();
  await conversation.listen();
  connection.slow = true;
  take();
  assert.equal(conversation.frame(new ArrayBuffer(1280)), false);
  assert.equal(conversation.frame(new ArrayBuffer(1280)), false);
  assert.deepEqual(take(), ["mic close", "trouble: The connection is too slow for voice just now. Typing works."]);
});

test("speech without end is ended after a minute", async () => {
  const { conversation, says, pass, take } = house();
  await conversation.listen();
  says({ type: "ack" }, LISTENS);
  pass(60000);
  pass(200);
  assert.equal(take().at(-1), "speech_ended");
});

test("a repeated answer sounds again without a second bubble", () => {
  const { conversation, says, player, take } = house();
  conversation.ask("time");
  says(answer("Noon."));
  take();
  conversation.repeat();
  says(answer("Noon.", { is_repeat: true, audio: "UklGRg==" }));
  assert.deepEqual(take(), ["repeat"]);
  assert.equal(player.isPlaying, true);
});

test("notices of the greeting are shown, as text or as objects", () => {
  const { says, take } = house();
  says({ type: "connected", session_id: "12345678", notices: ["no microphone engine", { message: "no backup" }, null, 7] });
  assert.deepEqual(take(), ["notice: no microphone engine", "notice: no backup"]);
});

test("unknown messages, and names that every object has, are passed over", () => {
  const { conversation, says, take } = house();
  says({ type: "weather" }, { type: "constructor" }, { type: "toString" }, {});
  assert.equal(conversation.state, "idle");
  assert.deepEqual(take(), []);
});

test("a page that is loaded again shows the conversation, and what came meanwhile", () => {
  const { conversation, back, take } = house({ open: false, before: { seen: [1], open: 2 } });
  back(
    true,
    { text: "Two.", turn: 1, question: "How many?" },
    { text: "At noon.", turn: 2, question: "When?" },
    { text: "On Monday.", turn: 2 ** 32, transcription: "and the other" },
  );
  assert.deepEqual(take(), [
    "typed: How many?",
    "answer: Two.",
    "back: This came while the page was loading:",
    "typed: When?",
    "answer: At noon.",
    "heard: and the other",
    "answer: On Monday.",
    "back: The page was loaded again. The conversation goes on.",
  ]);
  // Another page of the same conversation, in a copied tab, must not use the same numbers.
  conversation.ask("Next?");
  assert.equal(conversation.openTurn, 2 ** 30);
});

test("a question that got no answer before the page was loaded again is told of", () => {
  const { back, take } = house({ open: false, before: { seen: [], open: 5 } });
  back(true);
  assert.deepEqual(take(), ["note: No answer came to your last question. Please ask again."]);
});

test("a conversation that HAL forgot begins anew, and says so where anything was said", () => {
  const said = house({ open: false, before: { seen: [1], open: null } });
  said.back(false);
  assert.deepEqual(said.take(), ["note: The page was loaded again. HAL no longer knows what you talked about."]);
  const silent = house({ open: false, before: { seen: [], open: null } });
  silent.back(false);
  silent.back(true);
  assert.deepEqual(silent.take(), []);
});
