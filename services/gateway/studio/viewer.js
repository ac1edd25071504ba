/** Watches a stream by WHEP (WebRTC): offers, plays, and connects again when the way is lost. */

import { call, pause } from "./api.js";

const GATHER_MS = 1_500;
const LOST_MS = 4_000;
const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000];

/** One viewer; tells `lost`, `picture` (the first of a connection), `refused` (a Problem). */
export class Viewer extends EventTarget {
  #stream;
  #video;
  #place = null;
  #stopped = new AbortController();
  #failures = 0;

  /** The connection now, for its figures. */
  connection = null;
  /** How long the first picture took, ms. */
  firstPictureMs = null;

  constructor(stream, video) {
    super();
    this.#stream = stream;
    this.#video = video;
  }

  /** Connects, and stays connected until it is stopped. */
  async start() {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await this.#connect();
        return;
      } catch (problem) {
        this.#leave();
        if (signal.aborted) return;
        if (problem.status && !problem.retryable) {
          this.dispatchEvent(new CustomEvent("refused", { detail: problem }));
          return;
        }
        this.dispatchEvent(new Event("lost"));
        await pause(PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)], signal);
        this.#failures += 1;
      }
    }
  }

  /** The stream is over: there is nothing left to leave. */
  ended() {
    this.#place = null;
  }

  /** Leaves the stream. */
  stop() {
    this.#stopped.abort();
    this.#leave();
    this.#video.srcObject = null;
  }

  async #connect() {
    const begun = performance.now();
    const connection = new RTCPeerConnection({ iceServers: servers(this.#stream) });
    this.connection = connection;
    const media = new MediaStream();
    connection.addEventListener("track", ({ track }) => media.addTrack(track));
    connection.addTransceiver("audio", { direction: "recvonly" });
    const video = connection.addTransceiver("video", { direction: "recvonly" });
    preferH264(video);
    await connection.setLocalDescription();
    await gathered(connection);
    const answer = await call("POST", this.#stream.whep_url, {
      body: offered(connection.localDescription.sdp),
      type: "application/sdp",
      token: this.#stream.token,
      signal: this.#stopped.signal,
    });
    this.#place = answer.headers.get("Location");
    await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    this.#video.srcObject = media;
    this.#watch(connection);
    this.#awaitPicture(begun);
  }

  #watch(connection) {
    let timer;
    connection.addEventListener("connectionstatechange", () => {
      clearTimeout(timer);
      if (connection !== this.connection) return;
      const state = connection.connectionState;
      if (state === "connected") this.#failures = 0;
      else if (state === "disconnected")
        timer = setTimeout(() => this.#again(connection), LOST_MS);
      else if (state === "failed") this.#again(connection);
    });
  }

  #again(connection) {
    if (connection !== this.connection) return;
    this.dispatchEvent(new Event("lost"));
    this.#leave();
    this.start();
  }

  #awaitPicture(begun) {
    const shown = () => {
      this.firstPictureMs = performance.now() - begun;
      this.dispatchEvent(new Event("picture"));
    };
    if (this.#video.requestVideoFrameCallback) this.#video.requestVideoFrameCallback(shown);
    else this.#video.addEventListener("playing", shown, { once: true });
  }

  #leave() {
    this.connection?.close();
    this.connection = null;
    const place = this.#place;
    this.#place = null;
    if (!place) return;
    const headers = { Authorization: `Bearer ${this.#stream.token}` };
    fetch(place, { method: "DELETE", headers, keepalive: true }).catch(() => {});
  }
}

function servers(stream) {
  return stream.ice_servers.map(({ urls, username, credential }) =>
    username ? { urls, username, credential } : { urls },
  );
}

/**
 * An offer that leaves the end of its candidates open: a browser that hides its addresses behind
 * names is found only when its own checks arrive.
 */
function offered(sdp) {
  return sdp.replaceAll("a=end-of-candidates\r\n", "");
}

/** Whether this browser can show streams at all. */
export function canShow() {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs;
  return !codecs || codecs.some(isH264);
}

function isH264(codec) {
  return codec.mimeType.toLowerCase() === "video/h264";
}

/** Asks for H.264 first: streams are sent in nothing else. */
function preferH264(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs ?? [];
  const wanted = codecs.filter(isH264);
  const rest = codecs.filter((codec) => !wanted.includes(codec));
  if (wanted.length) transceiver.setCodecPreferences?.([...wanted, ...rest]);
}

/** Waits until the connection knows its addresses, but not for long. */
function gathered(connection) {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    setTimeout(resolve, GATHER_MS);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") resolve();
    });
  });
}
