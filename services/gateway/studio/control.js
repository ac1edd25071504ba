/** The control socket: what is sent into a stream, and what happens in it. */

import { pause } from "./api.js";

const PING_MS = 10_000;
const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000];
const NORMAL = 1000;

/** One controller; tells `message` (the server's, in `detail`), `opened`, `lost`, `ended`. */
export class Control extends EventTarget {
  #stream;
  #socket = null;
  #stopped = new AbortController();
  #failures = 0;
  #sent = 0;
  #pinged = new Map();

  /** How long the last question took there and back, ms. */
  roundTripMs = null;

  constructor(stream) {
    super();
    this.#stream = stream;
  }

  /** Whether messages can be sent now. */
  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connects, and stays connected until the stream ends or it is stopped. */
  async start() {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const code = await this.#converse();
      if (signal.aborted) return;
      if (code === NORMAL) {
        this.dispatchEvent(new Event("ended"));
        return;
      }
      this.dispatchEvent(new CustomEvent("lost", { detail: this.#failures }));
      await pause(PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)], signal);
      this.#failures += 1;
    }
  }

  /** Leaves the stream. */
  stop() {
    this.#stopped.abort();
    this.#socket?.close(NORMAL);
  }

  /** Sends a message and returns its id; answers carry it in `in_reply_to`. */
  send(type, fields = {}) {
    this.#sent += 1;
    const id = `studio-${this.#sent}`;
    this.#socket.send(JSON.stringify({ type, event_id: id, ...fields }));
    return id;
  }

  /** Sends sound: s16le of the drive that `audio.start` began. */
  sendSound(samples) {
    this.#socket.send(samples);
  }

  /** One connection, from its beginning to its end; the code with which it was closed. */
  #converse() {
    const socket = new WebSocket(address(this.#stream), ["vultus", `token.${this.#stream.token}`]);
    this.#socket = socket;
    const timer = setInterval(() => this.#ping(), PING_MS);
    socket.addEventListener("open", () => {
      this.#failures = 0;
      this.#ping();
      this.dispatchEvent(new Event("opened"));
    });
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(data)));
    return new Promise((resolve) => {
      socket.addEventListener("close", ({ code }) => {
        clearInterval(timer);
        resolve(code);
      });
    });
  }

  #ping() {
    if (this.open) this.#pinged.set(this.send("ping"), performance.now());
  }

  #take(message) {
    if (message.type === "pong") {
      this.roundTripMs = performance.now() - this.#pinged.get(message.in_reply_to);
      this.#pinged.clear();
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }
}

function address(stream) {
  const url = new URL(stream.control_url, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
