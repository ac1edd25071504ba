/** The reader's microphone as 48 kHz mono s16le, 20 ms at a time. */

/** The rate of its samples, Hz. */
export const RATE_HZ = 48_000;
/** How long one piece lasts, ms. */
export const PIECE_MS = 20;

/** An open microphone; `piece(samples, peak)` is called for each piece, peak from 0 to 1. */
export class Microphone {
  #media;
  #context;

  constructor(media, context) {
    this.#media = media;
    this.#context = context;
  }

  /** Opens the microphone; raises an Error whose `name` of text is in `said`. */
  static async open(piece) {
    if (!navigator.mediaDevices?.getUserMedia) throw refusal("mic.unavailable");
    const media = await ask();
    const context = new AudioContext();
    try {
      await context.audioWorklet.addModule("/studio/microphone-worklet.js");
    } catch (error) {
      new Microphone(media, context).close();
      throw error;
    }
    const recorder = new AudioWorkletNode(context, "recorder", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rateHz: RATE_HZ, pieceMs: PIECE_MS },
    });
    recorder.port.addEventListener("message", ({ data }) => piece(data.samples, data.peak));
    recorder.port.start();
    context.createMediaStreamSource(media).connect(recorder);
    await context.resume();
    return new Microphone(media, context);
  }

  /** Lets the microphone go. */
  close() {
    for (const track of this.#media.getTracks()) track.stop();
    this.#context.close();
  }
}

async function ask() {
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    throw refusal(error.name === "NotFoundError" ? "mic.missing" : "mic.refused");
  }
}

function refusal(said) {
  return Object.assign(new Error(said), { said });
}
