// The admin page: asks HAL how it stands, and does the few things that an owner may do here.

import { AdminView } from "./admin-view.js";
import { Poll, lastNumber, merge } from "./admin-data.js";
import { SignIn } from "./signin.js";

const base = new URL("./", import.meta.url);
const element = (id) => document.getElementById(id);
const get = (path) => fetch(new URL(path, base), { credentials: "same-origin", cache: "no-store" });

// For tests and for the curious: how often, never what.
const stats = { states: 0, actions: 0 };
window.hal = { stats };

let known = { run: undefined, turns: [] };
const view = new AdminView(document, { revoke });
const poll = new Poll(
  {
    state: (state) => {
      const isNew = known.run !== undefined && known.run !== state.gateway.run;
      known = merge(known, state.gateway);
      poll.after = isNew ? 0 : lastNumber(known, state.gateway.run);
      stats.states += 1;
      signIn.hide();
      view.line(state.listener === null ? "waiting" : "open", state.listener === null ? "Listener away" : "Live");
      view.show(state, known.turns);
    },
    signIn: () => {
      forget();
      view.view("signin");
      view.line("waiting", "Not signed in");
      signIn.show("");
    },
    refused: (message) => {
      forget();
      signIn.hide();
      view.view("refused", message);
      view.line("waiting", "Owners only");
    },
    away: (message) => view.line("waiting", message),
  },
  {
    get,
    isVisible: () => document.visibilityState === "visible",
    setTimeout: (then, wait_ms) => setTimeout(then, wait_ms),
    clearTimeout: (timer) => clearTimeout(timer),
  },
);

const form = element("signin");
const signIn = new SignIn(
  base,
  { form, secret: element("secret"), trouble: element("signin-trouble"), leave: element("signout") },
  {
    done: () => poll.now(),
    left: () => poll.now(),
    stayed: () => view.say("HAL does not answer: this browser is still signed in.", true),
  },
  {
    fetch: (url, options) => fetch(url, options),
    hash: () => location.hash,
    forgetHash: () => history.replaceState(null, "", location.pathname + location.search),
    name: () => `Browser (${navigator.platform || "unknown"})`,
  },
);
signIn.hide = () => (form.hidden = true);

function forget() {
  known = { run: undefined, turns: [] };
  poll.after = 0;
}

/** Sends a wish; says what came of it, and looks again at once. */
async function wish(name, body) {
  view.say("");
  try {
    const answer = await fetch(new URL(name, base), {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const told = await answer.json().catch(() => ({}));
    stats.actions += 1;
    if (answer.ok) {
      if (name === "admin/revoke") view.say(told.message ?? "Done.");
    } else view.say(told.message ?? "That could not be done.", true);
  } catch {
    view.say("HAL does not answer. Nothing was done, as far as this page knows.", true);
  }
  poll.now();
}

const dialog = element("confirm");
let confirmed = () => {};

function confirm({ title, text, yes, isDanger = false }, then) {
  element("confirm-yes").className = isDanger ? "danger" : "primary";
  element("confirm-title").textContent = title;
  element("confirm-text").textContent = text;
  element("confirm-yes").textContent = yes;
  confirmed = then;
  dialog.showModal();
  // The harmless one is under the finger first.
  element("confirm-no").focus();
}

element("confirm-no").addEventListener("click", () => dialog.close());
element("confirm-yes").addEventListener("click", () => {
  dialog.close();
  confirmed();
});

function revoke(device, isThis) {
  const own = isThis ? " It is the device that you are using: this page closes with it." : "";
  confirm(
    {
      title: `Revoke “${device.name}”?`,
      text: `It is shut out at once, with all its tokens, and has to be paired anew to come back.${own}`,
      yes: "Revoke",
      isDanger: true,
    },
    () => wish("admin/revoke", { device: device.id }),
  );
}

element("words-start").addEventListener("click", () => {
  confirm(
    {
      title: "Show what people ask?",
      text: "For 15 minutes the words of new questions and answers, of everybody, are kept in memory and shown here. That you did this is noted in the audit log.",
      yes: "Show for 15 minutes",
    },
    () => wish("admin/words", { on: true }),
  );
});
element("words-stop").addEventListener("click", () => wish("admin/words", { on: false }));
element("backup").addEventListener("click", () => wish("admin/backup", {}));

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && !poll.stopped) poll.now();
});
window.addEventListener("pageshow", () => {
  if (!poll.stopped) poll.now();
});
poll.now();
