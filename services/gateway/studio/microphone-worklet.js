/** Cuts the microphone's sound into pieces of s16le at the rate that is wanted. */

class Recorder extends AudioWorkletProcessor {
  constructor({ processorOptions: { rateHz, pieceMs } }) {
    super();
    this.step = sampleRate / rateHz;
    this.place = 0;
    this.last = 0;
    this.piece = new Int16Array((rateHz * pieceMs) / 1000);
    this.filled = 0;
    this.peak = 0;
  }

  process([[samples]]) {
    if (!samples) return true;
    // Linear between neighbours; `place` counts from the last sample of the block before.
    while (this.place < samples.length) {
      const whole = Math.floor(this.place);
      const before = whole === 0 ? this.last : samples[whole - 1];
      this.put(before + (samples[whole] - before) * (this.place - whole));
      this.place += this.step;
    }
    this.place -= samples.length;
    this.last = samples[samples.length - 1];
    return true;
  }

  put(sample) {
    const bounded = Math.max(-1, Math.min(1, sample));
    this.peak = Math.max(this.peak, Math.abs(bounded));
    this.piece[this.filled] = Math.round(bounded * 32767);
    this.filled += 1;
    if (this.filled < this.piece.length) return;
    const samples = this.piece.buffer.slice(0);
    this.port.postMessage({ samples, peak: this.peak }, [samples]);
    this.filled = 0;
    this.peak = 0;
  }
}

registerProcessor("recorder", Recorder);
