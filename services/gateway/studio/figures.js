/** How good the stream is at this browser: delays, picture, sound, network. */

import { duration } from "./language.js";
import { byId, make } from "./page.js";

const EVERY_MS = 1_000;
const GROUPS = {
  delay: ["voice", "talk", "interrupt", "accepted", "first_picture"],
  picture: ["size", "rate", "video_bitrate", "video_lost", "video_buffer", "dropped", "freezes"],
  sound: ["audio_bitrate", "audio_lost", "audio_buffer", "skew"],
  network: ["round_trip", "control_round_trip", "jitter"],
};
const NAMES = {
  video_bitrate: "figure.bitrate",
  audio_bitrate: "figure.bitrate",
  video_buffer: "figure.buffer",
  audio_buffer: "figure.buffer",
  video_lost: "figure.lost",
  audio_lost: "figure.lost",
};

/** Shows the figures of one stream while it is watched. */
export class Figures {
  #cells = new Map();
  #delays = new Map();
  #timer = null;
  #last = null;

  constructor() {
    const groups = Object.entries(GROUPS).map(([group, names]) =>
      make(
        "section",
        {},
        make("h4", { say: `figures.${group}` }),
        make("dl", {}, ...names.map((name) => this.#row(name))),
      ),
    );
    byId("figures").replaceChildren(...groups);
  }

  /** Begins to show a viewer's figures. */
  start(viewer, control) {
    this.stop();
    this.#delays.clear();
    for (const cell of this.#cells.values()) cell.textContent = "–";
    this.#timer = setInterval(() => this.#look(viewer, control), EVERY_MS);
  }

  /** Shows nothing new. */
  stop() {
    clearInterval(this.#timer);
    this.#last = null;
  }

  /** A delay was measured: the last one is shown, and the median of all. */
  measured(name, ms) {
    const all = [...(this.#delays.get(name) ?? []), ms];
    this.#delays.set(name, all);
    const middle = [...all].sort((one, other) => one - other)[Math.floor((all.length - 1) / 2)];
    this.#put(name, all.length > 1 ? `${duration(ms)} (⌀ ${duration(middle)})` : duration(ms));
  }

  #row(name) {
    const cell = make("dd", { "data-figure": name });
    this.#cells.set(name, cell);
    return make("div", {}, make("dt", { say: NAMES[name] ?? `figure.${name}` }), cell);
  }

  #put(name, shown) {
    this.#cells.get(name).textContent = shown;
  }

  async #look(viewer, control) {
    const { connection } = viewer;
    this.#put("control_round_trip", duration(control.roundTripMs));
    if (!connection) return;
    const report = await connection.getStats();
    const now = { connection, ...pick(report) };
    const before = this.#last?.connection === connection ? this.#last : null;
    this.#last = now;
    if (viewer.firstPictureMs !== null) this.#put("first_picture", duration(viewer.firstPictureMs));
    for (const [name, shown] of Object.entries(figuresOf(now, before))) this.#put(name, shown);
  }
}

function pick(report) {
  const found = { video: null, audio: null, pair: null };
  for (const stat of report.values()) {
    if (stat.type === "inbound-rtp") found[stat.kind] = stat;
    if (stat.type === "candidate-pair" && stat.nominated && stat.state === "succeeded")
      found.pair = stat;
  }
  return found;
}

function figuresOf({ video, audio, pair }, before) {
  const figures = {};
  if (video) Object.assign(figures, pictureFigures(video, before?.video));
  if (audio) Object.assign(figures, soundFigures(audio, before?.audio));
  if (pair?.currentRoundTripTime !== undefined)
    figures.round_trip = duration(pair.currentRoundTripTime * 1000);
  const [seen, heard] = [video?.estimatedPlayoutTimestamp, audio?.estimatedPlayoutTimestamp];
  if (seen && heard) figures.skew = `${Math.round(seen - heard)} ms`;
  return figures;
}

function pictureFigures(video, before) {
  const figures = {
    dropped: String(video.framesDropped ?? "–"),
    freezes: String(video.freezeCount ?? "–"),
    video_lost: lost(video),
    jitter: duration((video.jitter ?? 0) * 1000),
  };
  if (video.frameWidth) figures.size = `${video.frameWidth} × ${video.frameHeight}`;
  if (!before) return figures;
  const seconds = (video.timestamp - before.timestamp) / 1000;
  const drawn = (video.framesDecoded - before.framesDecoded) / seconds;
  return {
    ...figures,
    rate: drawn.toFixed(1),
    video_bitrate: bitrate(video, before, seconds),
    video_buffer: buffered(video, before),
  };
}

function soundFigures(audio, before) {
  const figures = { audio_lost: lost(audio) };
  if (!before) return figures;
  const seconds = (audio.timestamp - before.timestamp) / 1000;
  return {
    ...figures,
    audio_bitrate: bitrate(audio, before, seconds),
    audio_buffer: buffered(audio, before),
  };
}

function bitrate(now, before, seconds) {
  return `${Math.round(((now.bytesReceived - before.bytesReceived) * 8) / seconds / 1000)} kbit/s`;
}

/** How long what came out since then had waited. */
function buffered(now, before) {
  const count = now.jitterBufferEmittedCount - before.jitterBufferEmittedCount;
  const waited = now.jitterBufferDelay - before.jitterBufferDelay;
  return count > 0 ? duration((waited / count) * 1000) : "–";
}

function lost({ packetsLost = 0, packetsReceived = 0 }) {
  const share = packetsLost / Math.max(1, packetsLost + packetsReceived);
  return `${packetsLost} (${(share * 100).toFixed(1)} %)`;
}
