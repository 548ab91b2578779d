// Puts the parts together: the page, the connection, the microphone, the player and the conversation.

import { Connection, gatewayUrl } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Player } from "./player.js";
import { Recorder } from "./recorder.js";
import { SignIn } from "./signin.js";
import { unlockOnGesture } from "./sound.js";
import { Tab } from "./tab.js";
import { TalkButton } from "./talk.js";
import { View } from "./view.js";

const MUTED_KEY = "hal.muted";

// Counts for tests and for the curious: numbers only, never what was said.
const stats = {
  connections: 0,
  frames_sent: 0,
  samples_sent: 0,
  answers: 0,
  audio_received: 0,
  audio_played: 0,
  audio_played_ms: 0,
  audio_peak_rms: 0,
};
window.hal = { stats };

const clock = {
  now: () => Date.now(),
  setTimeout: (then, wait_ms) => setTimeout(then, wait_ms),
  clearTimeout: (timer) => clearTimeout(timer),
};
const view = new View(document, clock);
const tab = new Tab();
const before = tab.take();

// Where this script came from is where the gateway is, below whatever prefix the page is served.
const on = {
  change: (status) => {
    if (status.phase === "open") {
      stats.connections += 1;
      signIn.greeted();
    }
    // A browser does not say why a connection was refused.
    if (status.phase === "waiting") signIn.check();
    conversation.connectionChanged();
  },
  message: (message) => {
    if (message.type === "response") stats.answers += 1;
    conversation.message(message);
  },
  binary: (bytes) => player.enqueue(bytes),
};
const connection = new Connection(gatewayUrl(import.meta.url, location.search), on, undefined, before?.resume ?? null);
const player = new Player(
  {
    change: () => conversation.playerChanged(),
    blocked: (blocked) => view.hearable(blocked),
    failed: (error) => view.trouble(`You can read it, but ${error.message}.`),
  },
  stats,
);
const microphone = new Recorder({
  frame: (bytes) => {
    if (!conversation.frame(bytes)) return;
    stats.frames_sent += 1;
    stats.samples_sent += bytes.byteLength / 2;
  },
  level: (level) => view.level(level),
  lost: () => conversation.microphoneLost(),
});
const conversation = new Conversation({ connection, microphone, player, view, clock, before });

const element = (id) => document.getElementById(id);
const signIn = new SignIn(
  new URL("./", import.meta.url),
  { form: element("signin"), secret: element("secret"), trouble: element("signin-trouble"), leave: element("leave") },
  {
    done: () => connection.wake(),
    left: () => {
      // Nothing of what was said stays on the page, in its memory or with the tab.
      tab.forget();
      location.reload();
    },
    stayed: () => view.trouble("You are still signed in: HAL does not answer. Try again in a moment."),
  },
  {
    fetch: (url, options) => fetch(url, options),
    hash: () => location.hash,
    forgetHash: () => history.replaceState(null, "", location.pathname + location.search),
    name: () => `Browser (${navigator.platform || "unknown"})`,
  },
);
const question = element("question");

element("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (conversation.ask(question.value)) question.value = "";
});
for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => {
    conversation.ask(chip.textContent);
    question.focus({ preventScroll: true });
  });
}
new TalkButton(element("talk"), conversation, clock.now);
element("stop").addEventListener("click", () => conversation.stop());
element("repeat").addEventListener("click", () => conversation.repeat());
element("hear").addEventListener("click", () => player.unblock());
element("banner-now").addEventListener("click", () => connection.wake());
document.addEventListener("keydown", (event) => {
  const busy = ["opening", "listening", "thinking", "speaking", "follow-up"].includes(document.body.dataset.state);
  if (event.key === "Escape" && busy) conversation.stop();
});

element("mute").addEventListener("click", () => setMuted(!player.muted));
function setMuted(muted) {
  player.mute(muted);
  view.muted(muted);
  remember(MUTED_KEY, muted ? "yes" : "no");
}
// Storage may be forbidden (private windows, settings); the switch then lasts as long as the page.
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing to do: see above.
  }
}
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
if (recall(MUTED_KEY) === "yes") setMuted(true);

unlockOnGesture(document, () => player.unblock());
window.addEventListener("online", () => connection.wake());
// A telephone may end a page that is hidden without another word. While it is in sight nothing is kept, so that a copy of
// this tab begins a conversation of its own.
const keep = () => tab.put({ seen: connection.seen, open: conversation.openTurn, ...conversation.before, resume: connection.token });
window.addEventListener("pagehide", keep);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return keep();
  tab.take();
  connection.wake();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) tab.take();
  connection.wake();
});

// Where there is a keyboard, typing can start at once; on a phone it would cover half of the page.
if (matchMedia("(hover: hover) and (pointer: fine)").matches) question.focus({ preventScroll: true });
connection.connect();
