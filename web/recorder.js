// The microphone: opens it, and gives 16 kHz PCM16 frames while it is asked to. Knows nothing of the socket.

import { audioContext, letSoundRun } from "./sound.js";
import { Framer, Resampler, pcm16Bytes } from "./resampler.js";

// Echo cancellation only. The other two are made for the ears of people: measured with PocketSphinx on four spoken
// questions in Chromium, none was lost without them, one with either (suppressed sound loses its soft consonants,
// raised sound is clipped).
const CONSTRAINTS = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false };

/** Why there is no microphone, in words that say what to do. `name` is for programs. */
export class MicrophoneError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

export class Recorder {
  /** `on.frame(ArrayBuffer)` for each 40 ms of PCM16LE; `on.level(0..1)`; `on.lost()` when the device goes away. */
  constructor(on) {
    this.on = on;
    this.stream = null;
    this.sending = false;
    this.opening = null;
  }

  get isOpen() {
    return this.stream !== null;
  }

  /** Opens the microphone (once, however often it is called); throws `MicrophoneError`. */
  open() {
    if (this.isOpen) return letSoundRun();
    this.opening ??= this.#open().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  async #open() {
    const refusal = microphoneRefusal(window);
    if (refusal) throw refusal;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: CONSTRAINTS,
      });
    } catch (error) {
      throw explain(error);
    }
    try {
      await this.#connect(stream);
    } catch (error) {
      stream.getTracks().forEach((track) => track.stop());
      throw new MicrophoneError("AudioError", `The microphone cannot be used here (${error.message}). Typing works.`);
    }
  }

  async #connect(stream) {
    await letSoundRun();
    const context = audioContext();
    if (!this.loaded) {
      await context.audioWorklet.addModule(new URL("recorder.worklet.js", import.meta.url));
      this.loaded = true;
    }
    this.source = context.createMediaStreamSource(stream);
    this.node = new AudioWorkletNode(context, "hal-recorder", { numberOfOutputs: 1 });
    // Some browsers run a node only when it leads somewhere; it puts out silence.
    this.source.connect(this.node).connect(context.destination);
    this.resampler = new Resampler(Math.round(context.sampleRate));
    this.framer = new Framer();
    this.node.port.onmessage = ({ data }) => this.#take(data);
    this.stream = stream;
    stream.getAudioTracks()[0].addEventListener("ended", () => {
      if (this.stream === stream) {
        this.close();
        this.on.lost();
      }
    });
  }

  /** Frames flow from now on. The microphone must be open. */
  start() {
    this.resampler.reset();
    this.framer.reset();
    this.sending = true;
  }

  /** The person has finished: what was begun is sent, so that no word loses its end, then frames stop. */
  finish() {
    if (!this.sending) return;
    this.#send(this.framer.push(this.resampler.flush()));
    const rest = this.framer.flush();
    if (rest.length > 0) this.#send([rest]);
    this.pause();
  }

  /** Frames stop now; the device stays open, so that it can go on without delay. */
  pause() {
    this.sending = false;
    this.on.level(0);
  }

  /** Gives the microphone back; the browser's recording mark goes out. */
  close() {
    this.pause();
    if (!this.isOpen) return;
    this.stream.getTracks().forEach((track) => track.stop());
    this.node.port.postMessage("stop");
    this.node.port.onmessage = null;
    this.source.disconnect();
    this.node.disconnect();
    this.stream = null;
  }

  #take(samples) {
    if (!this.sending) return;
    this.on.level(loudness(samples));
    this.#send(this.framer.push(this.resampler.push(samples)));
  }

  #send(frames) {
    for (const frame of frames) this.on.frame(pcm16Bytes(frame));
  }
}

/** Root mean square as 0..1 over 50 dB, so that a whisper still moves the meter. */
export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibel = 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-10);
  return Math.max(0, Math.min(1, (decibel + 55) / 50));
}

/** What stands in the way before the person is even asked; null when nothing does. */
export function microphoneRefusal({ isSecureContext, navigator, location, AudioWorkletNode }) {
  if (!isSecureContext) {
    return new MicrophoneError(
      "InsecureContext",
      `Browsers give the microphone only to pages opened with https. Open https://${location.hostname}/ if HAL has a ` +
        "certificate there, or use http://localhost on the machine HAL runs on. Typing works here.",
    );
  }
  if (!navigator.mediaDevices?.getUserMedia || !AudioWorkletNode) {
    return new MicrophoneError("NotSupported", "This browser cannot record sound. A current one can; typing works here.");
  }
  return null;
}

function explain({ name, message }) {
  const words = {
    NotAllowedError:
      "The microphone is blocked for this page. Allow it in the browser's site settings, beside the address, and press " +
      "the button again. Typing works without it.",
    NotFoundError: "No microphone was found. Connect one and press the button again. Typing works without it.",
    NotReadableError:
      "The microphone is in use by another program. Close that program and press the button again. Typing works without it.",
  };
  return new MicrophoneError(name, words[name] ?? `The microphone did not start (${message || name}). Typing works without it.`);
}
