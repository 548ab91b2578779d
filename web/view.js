// What the person sees. Shows what it is told and decides nothing; all text goes in as text, never as markup.

const BUBBLES_MAX = 200; // Older ones leave the page; HAL keeps the conversation.
const START_PX = 20; // Below the fade at the top of the conversation.
const METER_MS = 400; // How often the meter's number changes for screen readers.

const STATUS = {
  connecting: "Connecting…",
  offline: "What you type is sent later",
  idle: "Tap to talk, or hold while you speak",
  opening: "Waiting for the microphone…",
  listening: "Listening",
  thinking: "Looking it up…",
  speaking: "Speaking",
  "follow-up": "Anything else?",
};

const TALK_LABEL = { listening: "Done speaking", "follow-up": "Done speaking", speaking: "Interrupt and talk", thinking: "Interrupt and talk" };

export class View {
  constructor(document, clock) {
    this.document = document;
    this.clock = clock;
    const part = (id) => document.getElementById(id);
    this.parts = {
      banner: part("banner"),
      bannerText: part("banner-text"),
      conversation: part("conversation"),
      empty: part("empty"),
      hear: part("hear"),
      level: part("level"),
      lineText: part("line-text"),
      mute: part("mute"),
      notices: part("notices"),
      question: part("question"),
      ringHand: document.querySelector("#ring .hand"),
      scroll: part("scroll"),
      seconds: part("status-seconds"),
      statusText: part("status-text"),
      talk: part("talk"),
    };
    this.dismissed = new Set();
    // A mouse comes with a keyboard, as good as always.
    this.idle_text = document.defaultView.matchMedia("(hover: hover) and (pointer: fine)").matches
      ? "Tap to talk, or hold the space bar"
      : STATUS.idle;
    this.#keepPlace(document);
    this.level_shown_ms = 0;
  }

  show(state, { follow_up_ms, microphone_on }) {
    const { body } = this.document;
    setAttribute(body, "data-state", state);
    setAttribute(body, "data-microphone", microphone_on ? "on" : "off");
    const listens_on = state === "follow-up" && microphone_on;
    setText(this.parts.statusText, listens_on ? "Anything else? I am listening" : state === "idle" ? this.idle_text : STATUS[state]);
    const label = microphone_on || !["listening", "follow-up"].includes(state) ? TALK_LABEL[state] : null;
    setAttribute(this.parts.talk, "aria-label", label ?? "Talk");
    this.#countdown(state === "follow-up" ? follow_up_ms : 0);
  }

  connection({ phase, reason, retry_at_ms }) {
    setAttribute(this.document.body, "data-connection", phase);
    clearInterval(this.retry_timer);
    const show = () => {
      const seconds = Math.max(1, Math.ceil((retry_at_ms - this.clock.now()) / 1000));
      const why = this.document.defaultView.navigator.onLine === false ? "This device is offline." : reason;
      setText(this.parts.bannerText, phase === "waiting" ? `${why} Trying again in ${seconds}\u00a0s.` : `${reason} Trying now…`);
    };
    if (phase === "waiting") this.retry_timer = setInterval(show, 250);
    // A banner for the first moments of a first connection would only flash.
    this.parts.banner.hidden = phase === "open" || reason === "";
    if (!this.parts.banner.hidden) show();
    setText(this.parts.lineText, { open: "Connected", connecting: "Connecting", waiting: "Not connected" }[phase]);
  }

  /** Adds the person's words. Gives the bubble back for `waiting` and `unanswered`. */
  question(text, { heard }) {
    const row = this.#row("asked");
    const bubble = this.#element("p", "question", text);
    if (heard) row.append(this.#element("span", "for-ears", "Heard: "));
    row.append(bubble);
    if (heard) row.classList.add("heard");
    this.#add(row);
    return row;
  }

  /** `true`: the question is kept until HAL is back. `false`: it went out. */
  waiting(row, waits) {
    row.querySelector(".mark")?.remove();
    if (waits) row.append(this.#element("span", "mark", "Waiting for HAL"));
    this.#toEnd();
  }

  unanswered(row, again) {
    this.waiting(row, false);
    const mark = this.#element("span", "mark", "No answer came before the connection was lost. ");
    const button = this.#element("button", "again", "Ask again");
    button.type = "button";
    button.addEventListener("click", again);
    mark.append(button);
    row.append(mark);
    this.#toEnd();
  }

  answer(text, { outcome, intent }) {
    const row = this.#row("told");
    const bubble = this.#element("p", "answer", text);
    if (outcome) bubble.dataset.outcome = outcome;
    if (intent) bubble.dataset.intent = intent;
    row.append(bubble);
    this.#add(row);
    this.document.body.dataset.answered = "yes";
  }

  error(text, code) {
    const row = this.#row("told");
    const bubble = this.#element("p", "error", text);
    if (code) bubble.dataset.code = code;
    row.append(bubble);
    this.#add(row);
  }

  note(text) {
    const row = this.#row("noted");
    row.append(this.#element("p", "note", text));
    this.#add(row);
  }

  /** That the line is back. A line that comes and goes does not fill the page. */
  cameBack(text) {
    const last = this.parts.conversation.lastElementChild;
    if (last?.classList.contains("came-back")) return setText(last.firstElementChild, text);
    const row = this.#row("noted came-back");
    row.append(this.#element("p", "note", text));
    this.#add(row);
  }

  /** Something the person can put right, such as a blocked microphone. One at a time. */
  trouble(text) {
    this.parts.notices.querySelector(".trouble")?.remove();
    this.#notice(text, "trouble");
  }

  troubleOver() {
    this.parts.notices.querySelector(".trouble")?.remove();
  }

  /** What HAL said about itself when it greeted; a notice that was closed stays closed. */
  notices(texts) {
    this.parts.notices.querySelectorAll(".from-hal").forEach((notice) => notice.remove());
    for (const text of new Set(texts)) {
      if (!this.dismissed.has(text)) this.#notice(text, "from-hal");
    }
  }

  level(level) {
    this.parts.level.style.setProperty("--level", level.toFixed(3));
    const now_ms = this.clock.now();
    if (level === 0 || now_ms - this.level_shown_ms > METER_MS) {
      this.level_shown_ms = now_ms;
      setAttribute(this.parts.level, "aria-valuenow", String(Math.round(level * 100)));
    }
  }

  muted(muted) {
    setAttribute(this.parts.mute, "aria-pressed", String(muted));
  }

  hearable(waits) {
    this.parts.hear.hidden = !waits;
  }

  #notice(text, kind) {
    const notice = this.#element("div", `notice ${kind}`, "");
    notice.setAttribute("role", kind === "trouble" ? "alert" : "note");
    const close = this.#element("button", "close", "");
    close.type = "button";
    close.setAttribute("aria-label", "Close this notice");
    close.append(icon(this.document, "icon-close"));
    close.addEventListener("click", () => {
      this.dismissed.add(text);
      notice.remove();
    });
    notice.append(this.#element("p", "", text), close);
    this.parts.notices.append(notice);
  }

  #row(kind) {
    return this.#element("div", `row ${kind}`, "");
  }

  #add(row) {
    this.parts.empty.hidden = true;
    const { conversation } = this.parts;
    conversation.append(row);
    while (conversation.childElementCount > BUBBLES_MAX) conversation.firstElementChild.remove();
    this.#toEnd();
    // Of an answer longer than the window, the beginning is what one wants to read.
    const hidden = this.parts.scroll.getBoundingClientRect().top + START_PX - row.getBoundingClientRect().top;
    if (hidden > 0) this.parts.scroll.scrollTop -= hidden;
  }

  // Who reads the end keeps reading it when banners, keyboard or window take room.
  #keepPlace(document) {
    const { scroll } = this.parts;
    const banners = document.getElementById("banners");
    let at_end = true;
    scroll.addEventListener("scroll", () => {
      at_end = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
    });
    const observer = new document.defaultView.ResizeObserver(() => {
      const was_at_end = at_end;
      scroll.style.setProperty("--banners", `${banners.offsetHeight}px`);
      if (was_at_end) this.#toEnd();
    });
    observer.observe(banners);
    observer.observe(scroll);
  }

  #toEnd() {
    this.parts.scroll.scrollTop = this.parts.empty.hidden ? this.parts.scroll.scrollHeight : 0;
  }

  // The ring empties; beside it the seconds, which need no motion.
  #countdown(left_ms) {
    if (left_ms <= 0) {
      this.ring?.cancel();
      clearInterval(this.seconds_timer);
      this.ring = null;
      this.until_ms = 0;
      setText(this.parts.seconds, "");
      return;
    }
    const until_ms = this.clock.now() + left_ms;
    if (this.ring && Math.abs(until_ms - this.until_ms) < 50) return;
    this.until_ms = until_ms;
    this.ring?.cancel();
    clearInterval(this.seconds_timer);
    const show = () => setText(this.parts.seconds, ` · ${Math.max(0, Math.ceil((this.until_ms - this.clock.now()) / 1000))} s`);
    this.ring = this.parts.ringHand.animate([{ strokeDashoffset: 0 }, { strokeDashoffset: 100 }], { duration: left_ms, fill: "forwards" });
    this.seconds_timer = setInterval(show, 250);
    show();
  }

  #element(name, className, text) {
    const element = this.document.createElement(name);
    element.className = className;
    element.textContent = text;
    return element;
  }
}

function icon(document, id) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#${id}`);
  svg.append(use);
  return svg;
}

// Only what changes is written: a live region speaks at every write.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
