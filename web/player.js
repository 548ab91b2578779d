// Plays answers one after another and stops at once when told. Knows nothing of where the sound came from.

import { audioContext, letSoundRun } from "./sound.js";

const BASE64_CHARS_MAX = 16 * 1024 * 1024; // Six minutes of 16 kHz speech: more is not an answer.
const QUEUE_MAX = 8; // The oldest waiting answers are dropped beyond it.
const METER_MS = 50;

export class Player {
  /** `on.change()` when playing starts or ends; `on.blocked(bool)`; `on.failed(Error)`. Counts into `stats`. */
  constructor(on, stats) {
    this.on = on;
    this.stats = stats;
    this.waiting = [];
    this.current = null;
    this.blocked = false;
    this.muted = false;
    this.round = 0; // Grows with each stop: sound decoded for an earlier round is dropped.
  }

  get isPlaying() {
    return this.current !== null || (this.waiting.length > 0 && !this.blocked);
  }

  /** Takes base64 WAV and plays it after what is already waiting. */
  enqueueBase64(text) {
    if (text.length > BASE64_CHARS_MAX) {
      this.on.failed(new Error("the sound of this answer is too long to play"));
      return;
    }
    let bytes;
    try {
      bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    } catch {
      this.on.failed(new Error("the sound of this answer came damaged"));
      return;
    }
    this.enqueue(bytes.buffer);
  }

  enqueue(bytes) {
    if (this.muted || audioContext() === null) return;
    this.stats.audio_received += 1;
    this.waiting.push(bytes);
    if (this.waiting.length > QUEUE_MAX) this.waiting.shift();
    this.on.change();
    this.#next();
  }

  /** Silence now, and nothing of what was waiting. */
  stop() {
    this.round += 1;
    this.waiting = [];
    const { current } = this;
    if (current) {
      this.#finish(current);
      current.source.onended = null;
      current.source.stop();
      current.source.disconnect();
    }
    this.#setBlocked(false);
    this.on.change();
  }

  mute(muted) {
    this.muted = muted;
    if (muted) this.stop();
  }

  /** After a gesture: what the browser had held back may sound now. */
  async unblock() {
    if (this.waiting.length > 0) await this.#next();
    else this.#setBlocked(false);
  }

  async #next() {
    if (this.current !== null || this.busy || this.waiting.length === 0) return;
    const { round } = this;
    this.busy = true;
    let buffer = null;
    try {
      const runs = await letSoundRun();
      if (round === this.round) {
        this.#setBlocked(!runs);
        if (runs) buffer = await decode(audioContext(), this.waiting[0]);
      }
    } catch {
      if (round === this.round) this.waiting.shift();
      this.on.failed(new Error("the sound of this answer cannot be played by this browser"));
    } finally {
      this.busy = false;
    }
    if (buffer !== null && round === this.round) {
      this.waiting.shift();
      this.#play(buffer);
    } else if (!this.blocked) {
      this.#next(); // A stop came between; perhaps a newer answer waits.
    }
    this.on.change();
  }

  #play(buffer) {
    const context = audioContext();
    const source = context.createBufferSource();
    source.buffer = buffer;
    this.#analyser(context);
    source.connect(this.analyser);
    this.current = { source, since_s: context.currentTime, duration_ms: buffer.duration * 1000 };
    const { current } = this;
    source.onended = () => {
      this.#finish(current);
      this.on.change();
      this.#next();
    };
    source.start();
    this.meter = setInterval(() => this.#measure(), METER_MS);
  }

  #finish(current) {
    if (this.current !== current) return;
    this.#measure();
    clearInterval(this.meter);
    const played_ms = (audioContext().currentTime - current.since_s) * 1000;
    this.stats.audio_played_ms += Math.round(Math.min(played_ms, current.duration_ms));
    this.stats.audio_played += 1;
    this.current = null;
  }

  // What goes to the loudspeaker is measured, so that a test can tell sound from silence.
  #analyser(context) {
    if (this.analyser) return;
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.analyser.connect(context.destination);
    this.window = new Float32Array(this.analyser.fftSize);
  }

  #measure() {
    this.analyser.getFloatTimeDomainData(this.window);
    let sum = 0;
    for (const sample of this.window) sum += sample * sample;
    const rms = Math.sqrt(sum / this.window.length);
    this.stats.audio_peak_rms = Math.max(this.stats.audio_peak_rms, rms);
  }

  #setBlocked(blocked) {
    if (this.blocked === blocked) return;
    this.blocked = blocked;
    this.on.blocked(blocked);
  }
}

// Older WebKit knows only the callback form; a copy, because decoding takes the buffer away.
function decode(context, bytes) {
  return new Promise((resolve, reject) => {
    const promise = context.decodeAudioData(bytes.slice(0), resolve, reject);
    if (promise) promise.catch(reject);
  });
}
