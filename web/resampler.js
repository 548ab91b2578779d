// Sound at any rate in, mono PCM16 frames at 16 kHz out. Knows nothing of microphones or sockets.

export const RATE_HZ = 16000;
export const FRAME_SAMPLES = 640; // 40 ms: two of the gateway's own 20 ms frames, 25 messages a second.

// Flat to 7 kHz, silent from 8.2 kHz at 16 kHz out: speech lives below, and what would fold back is 70 dB down.
const CUTOFF = 0.475; // Of the lower of both rates.
const ZERO_CROSSINGS = 32; // Each side of the kernel.
const KAISER_BETA = 8;

/**
 * Changes the sample rate of a stream by a windowed sinc, one kernel per phase (polyphase).
 *
 * `push` takes Float32 samples (-1..1, mono) in pieces of any length and gives the output they complete; any cut of
 * the same input gives the same output. `flush` gives the tail and starts anew.
 */
export class Resampler {
  constructor(from_hz, to_hz = RATE_HZ) {
    for (const rate of [from_hz, to_hz]) {
      if (!Number.isInteger(rate) || rate < 1000 || rate > 768000) {
        throw new RangeError(`a sample rate of ${rate} Hz is outside 1000..768000`);
      }
    }
    const divisor = greatestCommonDivisor(from_hz, to_hz);
    this.phases = to_hz / divisor;
    this.step = from_hz / divisor;
    const cutoff = CUTOFF * Math.min(1, to_hz / from_hz); // Cycles per input sample.
    this.half = Math.ceil(ZERO_CROSSINGS / (2 * cutoff));
    this.kernels = this.#kernels(cutoff);
    this.reset();
  }

  reset() {
    // Silence before the first sample, so that the first output sits exactly on it.
    this.held = new Float32Array(this.half);
    this.at = this.half; // Index in `held` of the input sample at or just before the next output.
    this.phase = 0; // Distance of the output from it, in 1/phases of an input sample.
  }

  push(samples) {
    const input = new Float32Array(this.held.length + samples.length);
    input.set(this.held);
    input.set(samples, this.held.length);
    const output = [];
    while (this.at + this.half < input.length) {
      const kernel = this.kernels[this.phase];
      const first = this.at - this.half + 1;
      let sum = 0;
      for (let tap = 0; tap < kernel.length; tap += 1) sum += kernel[tap] * input[first + tap];
      output.push(sum);
      this.phase += this.step;
      this.at += Math.floor(this.phase / this.phases);
      this.phase %= this.phases;
    }
    const drop = Math.min(Math.max(this.at - this.half, 0), input.length);
    this.held = input.slice(drop);
    this.at -= drop;
    return Float32Array.from(output);
  }

  flush() {
    const tail = this.push(new Float32Array(this.half));
    this.reset();
    return tail;
  }

  #kernels(cutoff) {
    const kernels = [];
    const length = 2 * this.half;
    for (let phase = 0; phase < this.phases; phase += 1) {
      const kernel = new Float32Array(length);
      let sum = 0;
      for (let tap = 0; tap < length; tap += 1) {
        const distance = tap - this.half + 1 - phase / this.phases; // In input samples.
        const x = 2 * cutoff * distance;
        const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
        kernel[tap] = sinc * kaiser(distance / this.half);
        sum += kernel[tap];
      }
      // Unit gain for every phase: otherwise the phases differ by a trace and a constant would hum.
      for (let tap = 0; tap < length; tap += 1) kernel[tap] /= sum;
      kernels.push(kernel);
    }
    return kernels;
  }
}

/** Float samples in pieces of any length in, whole `Int16Array` frames of `frame_samples` out. */
export class Framer {
  constructor(frame_samples = FRAME_SAMPLES) {
    this.frame_samples = frame_samples;
    this.reset();
  }

  reset() {
    this.frame = new Int16Array(this.frame_samples);
    this.filled = 0;
  }

  push(samples) {
    const frames = [];
    for (const sample of samples) {
      this.frame[this.filled] = toPcm16(sample);
      this.filled += 1;
      if (this.filled === this.frame_samples) {
        frames.push(this.frame);
        this.reset();
      }
    }
    return frames;
  }

  /** The samples of the unfinished frame (possibly none). */
  flush() {
    const rest = this.frame.slice(0, this.filled);
    this.reset();
    return rest;
  }
}

/** -1..1 to -32768..32767; louder is clipped, not wrapped; not a number is silence. */
export function toPcm16(sample) {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32768))) || 0;
}

/** Bytes of PCM16 little-endian, whatever this machine's order is. */
export function pcm16Bytes(samples) {
  const bytes = new DataView(new ArrayBuffer(samples.length * 2));
  samples.forEach((sample, index) => bytes.setInt16(index * 2, sample, true));
  return bytes.buffer;
}

function kaiser(position) {
  const inside = 1 - position * position;
  return inside <= 0 ? 0 : bessel0(KAISER_BETA * Math.sqrt(inside)) / bessel0(KAISER_BETA);
}

function bessel0(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
