// One WebSocket that comes back by itself and goes on with its conversation. Knows JSON and time; knows nothing of the
// page, of sound or of questions.

const BACKOFF_MS = [1000, 2000, 4000, 8000, 16000, 30000];
const BUSY_MS_MIN = 5000; // A full server is not helped by asking again at once.
const STEADY_MS = 10000; // A connection that lived this long was good: the next wait starts small again.
const GREETING_MS_MAX = 15000; // From opening to `connected`.
const HEARTBEAT_MS = 45000; // Below the usual minute after which home routers forget a quiet connection.
const SEEN_MAX = 16; // Answers that HAL may not know to have arrived: more than it keeps.
const BUFFERED_BYTES_MAX = 320000; // Ten seconds of sound: the line is too slow for voice.

export const CLOSE = { GOING_AWAY: 1001, POLICY: 1008, TOO_BIG: 1009, INTERNAL: 1011, RESTART: 1012, BUSY: 1013 };

/** Milliseconds to wait before attempt `attempt` (from 0): 1, 2, 4, 8, 16, 30, 30 … s, of which half is chance. */
export function backoffMs(attempt, random = Math.random) {
  const whole = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
  // Chance, so that a house full of open pages does not return in the same instant after a restart.
  return Math.round(whole * (0.5 + 0.5 * random()));
}

/** Why the connection ended, as a sentence. `greeted`: HAL had answered on it before. */
export function closeReason(code, greeted) {
  switch (code) {
    case CLOSE.RESTART:
    case CLOSE.GOING_AWAY:
      return "HAL is restarting.";
    case CLOSE.BUSY:
      return "HAL is busy: too many conversations at once.";
    case CLOSE.POLICY:
    case 4401:
      return "HAL did not accept this sign-in. Open the page with the address you were given.";
    case CLOSE.TOO_BIG:
      return "The last message was too long for HAL.";
    case CLOSE.INTERNAL:
      return "HAL ran into a fault of its own.";
    default:
      return greeted ? "The connection to HAL was lost." : "HAL does not answer.";
  }
}

/** The gateway's address for a page whose script came from `script_url`; the page's own query is passed on. */
export function gatewayUrl(script_url, page_query = "") {
  const url = new URL("./", script_url);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = page_query;
  url.searchParams.set("audio", "wav");
  url.hash = "";
  return url.href;
}

export class Connection {
  /**
   * `on.change(status)`: `{ phase: "connecting" | "open" | "waiting", reason, retry_at_ms }`.
   * `on.message(object)`, `on.binary(ArrayBuffer)`: what HAL sends. `outside` is the browser, or a test's stand-in.
   * `token` goes on with the conversation of a page that was here before; its last answers are told again.
   */
  constructor(url, on, outside = browser(), token = null) {
    this.url = url;
    this.on = on;
    this.outside = outside;
    this.attempt = 0;
    this.socket = null;
    this.status = { phase: "connecting", reason: "", retry_at_ms: 0 };
    this.timers = {};
    this.token = token; // Opens this conversation on another connection. It is a secret: see tab.js.
    this.seen = [];
    this.resuming = false;
  }

  /** Whether a question may be sent again under its number: HAL answers it once. */
  get canResume() {
    return this.token !== null;
  }

  get isOpen() {
    return this.status.phase === "open";
  }

  connect() {
    this.#clear("retry");
    if (this.socket !== null) return;
    this.#change({ phase: "connecting", reason: this.status.reason });
    const socket = this.outside.open(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.#set("greeting", GREETING_MS_MAX, () => this.#drop("HAL does not answer."));
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#closed(closeReason(code, this.isOpen), code);
  }

  /** The network or the person came back: no reason to wait any longer. */
  wake() {
    if (this.status.phase === "waiting") this.connect();
  }

  /** True when it went out. */
  send(message) {
    if (!this.isOpen) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** True when it went out; false when closed or when too much already waits to be sent. */
  sendBinary(bytes) {
    if (!this.isOpen || this.socket.bufferedAmount > BUFFERED_BYTES_MAX) return false;
    this.socket.send(bytes);
    return true;
  }

  /** The next message must come within `wait_ms`: a dead line often shows only by its silence. */
  expectReply(wait_ms) {
    this.#set("reply", wait_ms, () => this.#drop("The connection to HAL was lost."));
  }

  #receive(data) {
    this.#clear("reply");
    if (typeof data !== "string") {
      if (this.isOpen) this.on.binary(data);
      return;
    }
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // Not ours to judge: a newer server may say more than this page understands.
    }
    if (message === null || typeof message !== "object") return;
    if (message.type === "response" && Number.isSafeInteger(message.turn)) {
      this.seen = [...this.seen, message.turn].slice(-SEEN_MAX);
    }
    if (message.type === "connected" && !this.isOpen) return this.#greeted(message);
    if (this.resuming && message.type === "resumed") return this.#open(message);
    if (this.resuming && message.type === "error") return this.#notResumed(message);
    this.on.message(message);
  }

  #greeted(message) {
    this.greeting = message;
    if (this.token === null || typeof message.resume !== "string") return this.#open(message);
    // Open for questions only when HAL knows which conversation they belong to; what was missed comes before.
    this.resuming = true;
    this.socket.send(JSON.stringify({ type: "resume", resume: this.token, seen: this.seen }));
    this.on.message(message);
  }

  #notResumed({ code }) {
    if (code === "QM_UNAVAILABLE" || code === "DRAINING") return this.#drop("HAL is restarting.");
    this.#open({ ...this.greeting, type: "resumed", resumed: false });
  }

  #open(message) {
    this.#clear("greeting");
    this.resuming = false;
    this.open_since_ms = this.outside.now();
    this.session_id = message.session_id;
    this.token = typeof message.resume === "string" ? message.resume : null;
    this.#change({ phase: "open", reason: "" });
    this.#beat();
    this.on.message(message);
  }

  #beat() {
    this.#set("beat", HEARTBEAT_MS, () => {
      this.send({ type: "heartbeat", session_id: this.session_id });
      this.#beat();
    });
  }

  #drop(reason) {
    const { socket } = this;
    this.#closed(reason, 0);
    socket.close();
  }

  #closed(reason, code) {
    for (const name of Object.keys(this.timers)) this.#clear(name);
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket = null;
    this.resuming = false;
    const now_ms = this.outside.now();
    if (this.isOpen && now_ms - this.open_since_ms >= STEADY_MS) this.attempt = 0;
    let wait_ms = backoffMs(this.attempt, this.outside.random);
    if (code === CLOSE.BUSY) wait_ms = Math.max(wait_ms, BUSY_MS_MIN);
    this.attempt += 1;
    this.#set("retry", wait_ms, () => this.connect());
    this.#change({ phase: "waiting", reason, retry_at_ms: now_ms + wait_ms });
  }

  #change({ phase, reason, retry_at_ms = 0 }) {
    this.status = { phase, reason, retry_at_ms };
    this.on.change(this.status);
  }

  #set(name, wait_ms, then) {
    this.#clear(name);
    this.timers[name] = this.outside.setTimeout(then, wait_ms);
  }

  #clear(name) {
    if (this.timers[name] !== undefined) this.outside.clearTimeout(this.timers[name]);
    delete this.timers[name];
  }
}

function browser() {
  return {
    open: (url) => new WebSocket(url),
    setTimeout: (then, wait_ms) => setTimeout(then, wait_ms),
    clearTimeout: (timer) => clearTimeout(timer),
    now: () => Date.now(),
    random: Math.random,
  };
}
