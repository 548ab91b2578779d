// What the admin page makes of what HAL tells: pure, so that it can be tried without a page. And the one who asks, every
// other second, while somebody looks.

export const TURNS_MAX = 500; // As many as the gateway remembers.
const POLL_MS = 2000;
const AWAY_MS = 5000;
const SCALE_MS = [100, 3000]; // The shortest and the longest that a whole bar stands for.
const STAGES = ["hear", "wait", "answer", "speak"];

/** The turns that are known, newest first, with those that came. A gateway that was started anew numbers from 1. */
export function merge(known, gateway) {
  const before = known.run === gateway.run ? known.turns : [];
  const fresh = gateway.turns.toSorted((one, other) => other.number - one.number);
  const last = fresh.at(-1)?.number ?? Infinity;
  let turns = [...fresh, ...before.filter((turn) => turn.number < last)].slice(0, TURNS_MAX);
  // HAL has forgotten the words: so does the page.
  if (gateway.words_until_ms === null) turns = turns.map(withoutWords);
  return { run: gateway.run, turns };
}

function withoutWords(turn) {
  if (!("question" in turn) && !("answer" in turn)) return turn;
  const { question, answer, ...rest } = turn;
  return rest;
}

/** Number of the last turn that is known, for the next question. */
export function lastNumber(known, run) {
  return known.run === run || run === undefined ? (known.turns[0]?.number ?? 0) : 0;
}

/** Milliseconds that a whole bar stands for: all bars have the same, so that they can be compared. */
export function scale(turns) {
  const longest = Math.max(SCALE_MS[0], ...turns.map((turn) => turn.waited_ms));
  const nice = [100, 200, 300, 500, 1000, 2000, 3000].find((step) => longest <= step);
  return nice ?? SCALE_MS[1];
}

/** The pieces of a turn's bar, in percent of `whole_ms`, from the end of the question on. What is too long is cut. */
export function segments(turn, whole_ms) {
  const begin = turn.whole_ms - turn.waited_ms;
  const pieces = turn.spans.filter((span) => STAGES.includes(span.stage));
  return pieces.map((span) => {
    const percent = (ms) => Math.round((ms / whole_ms) * 1000) / 10;
    const from = clamp(percent(span.from_ms - begin), 0, 99);
    return { stage: span.stage, from, width: clamp(percent(span.took_ms), 0.6, 100 - from) };
  });
}

/** The same in words, for eyes and ears: "spoke 1.9 s, hear 80 ms, answer 4 ms". */
export function inWords(turn) {
  const parts = turn.spans.map((span) => `${span.stage === "say" ? "spoke" : span.stage} ${duration(span.took_ms)}`);
  return parts.join(" · ");
}

/** What a typical answer takes: the middle one of what people waited for the last answers, or null. */
export function typical(turns) {
  const waited = turns.filter((turn) => turn.spans.length > 0 && turn.code === undefined).map((turn) => turn.waited_ms);
  waited.sort((one, other) => one - other);
  return waited.length === 0 ? null : waited[waited.length >> 1];
}

export function duration(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return span(ms);
}

function span(ms) {
  const minutes = Math.round(ms / 60000);
  if (minutes < 60) return `${Math.max(1, minutes)} min`;
  const hours = Math.round(ms / 3600000);
  return hours < 48 ? `${hours} h` : `${Math.round(ms / 86400000)} days`;
}

/** How long ago, or how long until. */
export function ago(at_ms, now_ms) {
  const past = now_ms - at_ms;
  if (Math.abs(past) < 45000) return past >= 0 ? "just now" : "in a moment";
  return past > 0 ? `${span(past)} ago` : `in ${span(-past)}`;
}

export function size(bytes) {
  if (bytes < 10_000) return `${bytes} bytes`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}

/** Users with their devices, those that are shut out apart; a device of nobody known comes last. */
export function byUser(listener) {
  const known = listener.users.map((user) => user.id);
  const others = [...new Set(listener.devices.map((device) => device.user))].filter((user) => !known.includes(user));
  const users = [...listener.users, ...others.map((id) => ({ id, name: id, role: "removed" }))];
  return users.map((user) => {
    const devices = listener.devices.filter((device) => device.user === user.id);
    const isOut = (device) => device.revoked_ms !== undefined;
    return { user, devices: devices.filter((device) => !isOut(device)), out: devices.filter(isOut) };
  });
}

/** When a device ends by itself: the latest of its tokens and cookies; `null` for never, `undefined` without any. */
export function endsAt(device) {
  const ends = device.credentials.map((one) => one.expires_ms ?? null);
  if (ends.length === 0) return undefined;
  return ends.includes(null) ? null : Math.max(...ends);
}

/** How the last backup stands: `none`, `old` (a week and more) or `fresh`. */
export function backupState(backups, now_ms) {
  const last = backups.files[0];
  if (last === undefined) return "none";
  return now_ms - last.made_ms > 7 * 86400000 ? "old" : "fresh";
}

/** Counters that tell of something that was refused or went wrong. */
export function refusals(numbers) {
  const wanted = /(refused|failed|errors|limited|rejected|dropped)/;
  return numbers.filter(([name]) => wanted.test(name)).map(([name, label, value]) => ({ name: name.replace(/^hal_|_total$/g, "").replaceAll("_", " "), label, value }));
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

/** Asks for the state while the page is visible. */
export class Poll {
  /**
   * `on.state(json)`, `on.signIn()`, `on.refused(message)`, `on.away(message)`. `outside`: `get(path)` gives a response of
   * `fetch`, `isVisible()`, `setTimeout`, `clearTimeout`.
   */
  constructor(on, outside) {
    this.on = on;
    this.outside = outside;
    this.after = 0;
    this.timer = null;
    this.asking = false;
    this.stopped = false;
  }

  /** Asks now, and from now on. */
  async now() {
    this.stopped = false;
    this.#clear();
    if (this.asking || !this.outside.isVisible()) return;
    this.asking = true;
    let wait_ms = AWAY_MS;
    try {
      wait_ms = await this.#ask();
    } catch {
      this.on.away("HAL does not answer.");
    } finally {
      this.asking = false;
    }
    if (!this.stopped && this.outside.isVisible()) this.timer = this.outside.setTimeout(() => this.now(), wait_ms);
  }

  /** Asks no more: nobody is signed in, or may see it. */
  stop() {
    this.stopped = true;
    this.#clear();
  }

  async #ask() {
    const answer = await this.outside.get(`admin/state?after=${this.after}`);
    if (answer.ok) {
      this.on.state(await answer.json());
      return POLL_MS;
    }
    if (answer.status === 401) {
      this.stop();
      this.on.signIn();
    } else if (answer.status === 403) {
      this.stop();
      const told = await answer.json().catch(() => ({}));
      this.on.refused(told.message ?? "You may not see this page.");
    } else {
      this.on.away(answer.status === 503 ? "The listener is away." : "HAL does not answer as it should.");
    }
    return AWAY_MS;
  }

  #clear() {
    if (this.timer !== null) this.outside.clearTimeout(this.timer);
    this.timer = null;
  }
}
