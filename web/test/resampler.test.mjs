import assert from "node:assert/strict";
import { test } from "node:test";
import { Framer, RATE_HZ, Resampler, pcm16Bytes, toPcm16 } from "../resampler.js";

const RATES = [8000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000];

function tone(hz, rate_hz, seconds = 0.5) {
  return Float32Array.from({ length: Math.round(rate_hz * seconds) }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / rate_hz));
}

/** Amplitude of one frequency in the middle half, where the ends have no say; a Hann window keeps neighbours out. */
function amplitude(samples, hz, rate_hz) {
  const first = Math.floor(samples.length / 4);
  const length = Math.floor(samples.length / 2);
  let re = 0;
  let im = 0;
  let weight = 0;
  for (let n = 0; n < length; n += 1) {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length);
    const angle = (2 * Math.PI * hz * (first + n)) / rate_hz;
    re += window * samples[first + n] * Math.cos(angle);
    im += window * samples[first + n] * Math.sin(angle);
    weight += window;
  }
  return (2 * Math.hypot(re, im)) / weight;
}

function peak(samples) {
  return samples.slice(samples.length / 4, (samples.length * 3) / 4).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

function resample(samples, from_hz, to_hz = RATE_HZ) {
  const resampler = new Resampler(from_hz, to_hz);
  return Float32Array.from([...resampler.push(samples), ...resampler.flush()]);
}

for (const rate_hz of RATES) {
  test(`a tone keeps its pitch, its level and its length from ${rate_hz} Hz`, () => {
    for (const hz of [200, 1000, 3000]) {
      const output = resample(tone(hz, rate_hz), rate_hz);
      assert.ok(Math.abs(output.length - 8000) <= 1, `${output.length} samples for half a second`);
      const level = amplitude(output, hz, RATE_HZ);
      assert.ok(Math.abs(level - 0.5) < 0.005, `${hz} Hz came out at ${level}`);
      assert.ok(peak(output) < 0.51, "nothing else was added");
    }
  });
}

test("speech up to 7 kHz passes", () => {
  for (const rate_hz of [44100, 48000]) {
    assert.ok(Math.abs(amplitude(resample(tone(7000, rate_hz), rate_hz), 7000, RATE_HZ) - 0.5) < 0.01);
  }
});

test("what 16 kHz cannot hold is silenced, not folded back into speech", () => {
  for (const rate_hz of [44100, 48000, 96000]) {
    for (const hz of [8300, 9000, 12000, 15000, 20000]) {
      const rest = peak(resample(tone(hz, rate_hz), rate_hz));
      assert.ok(rest < 0.5 * 10 ** (-60 / 20), `${hz} Hz at ${rate_hz} Hz left ${rest}`);
    }
  }
});

test("a steady value stays steady: the phases have equal gain", () => {
  const output = resample(new Float32Array(22050).fill(0.25), 44100);
  for (const sample of output.slice(200, -200)) assert.ok(Math.abs(sample - 0.25) < 1e-5);
});

test("any cut of the input gives the same output", () => {
  const seed = Date.now() % 2147483647;
  let state = seed;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const input = Float32Array.from({ length: 9000 }, () => random() * 2 - 1);
  const whole = resample(input, 44100);
  const resampler = new Resampler(44100);
  const pieces = [];
  for (let at = 0; at < input.length; ) {
    const length = Math.floor(random() * 400);
    pieces.push(...resampler.push(input.slice(at, at + length)));
    at += length;
  }
  pieces.push(...resampler.flush());
  assert.deepEqual(Float32Array.from(pieces), whole, `seed ${seed}`);
});

test("no sound gives no samples, and a new stream remembers nothing of the last", () => {
  const resampler = new Resampler(48000);
  assert.equal(resampler.push(new Float32Array(0)).length, 0);
  const first = [...resampler.push(tone(500, 48000, 0.1)), ...resampler.flush()];
  const second = [...resampler.push(tone(500, 48000, 0.1)), ...resampler.flush()];
  assert.deepEqual(second, first);
});

test("a rate that no device has is refused", () => {
  for (const rate_hz of [0, -1, 44100.5, NaN, 1e7]) assert.throws(() => new Resampler(rate_hz), RangeError);
});

test("frames are whole, and the rest comes at the end", () => {
  const framer = new Framer(4);
  assert.deepEqual(framer.push([0, 0.5]), []);
  assert.deepEqual(framer.push([-0.5, 1, 0.25]), [Int16Array.of(0, 16384, -16384, 32767)]);
  assert.deepEqual(framer.flush(), Int16Array.of(8192));
  assert.equal(framer.flush().length, 0);
});

test("too loud is clipped, not wrapped, and not a number is silence", () => {
  assert.deepEqual([1.5, -1.5, 1, -1, NaN].map(toPcm16), [32767, -32768, 32767, -32768, 0]);
});

test("bytes are little-endian", () => {
  assert.deepEqual(new Uint8Array(pcm16Bytes(Int16Array.of(1, -2))), Uint8Array.of(1, 0, 254, 255));
});
