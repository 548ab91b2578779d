// Runs on the audio thread: gathers the microphone's 128-sample blocks and hands them over in larger pieces.
// No import here on purpose: not every browser resolves imports inside a worklet.

const PIECE_SAMPLES = 1024; // 21 ms at 48 kHz.

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(PIECE_SAMPLES);
    this.filled = 0;
    this.running = true;
    this.port.onmessage = () => {
      this.running = false;
    };
  }

  process(inputs) {
    const channels = inputs[0];
    const length = channels.length === 0 ? 0 : channels[0].length;
    for (let index = 0; index < length; index += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[index];
      this.piece[this.filled] = sum / channels.length;
      this.filled += 1;
      if (this.filled === PIECE_SAMPLES) {
        this.port.postMessage(this.piece, [this.piece.buffer]);
        this.piece = new Float32Array(PIECE_SAMPLES);
        this.filled = 0;
      }
    }
    return this.running;
  }
}

registerProcessor("hal-recorder", Recorder);
