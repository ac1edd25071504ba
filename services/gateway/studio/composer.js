/** Where one writes, talks and stops: what becomes of it is sent over the control socket. */

import { say } from "./language.js";
import { Microphone, PIECE_MS, RATE_HZ } from "./microphone.js";
import { byId, complain, inform } from "./page.js";

const WORD_ENDS = /[\s\p{P}\p{Script=Han}]/u;
const LOUD = 0.06;
const SILENT_MS = 4_000;
const WHOLE_LIMIT = 2_000;
const WRITTEN_LIMIT = 20_000;

/** Sends what is written and said into a stream, and tells `said` of it. */
export class Composer {
  #control;
  #said;
  #writing = null;
  #talking = null;
  #scope = new AbortController();

  constructor(control, said) {
    this.#control = control;
    this.#said = said;
    this.#wire();
    this.#fit();
  }

  /** Lets everything go; the composer is used no more. */
  close() {
    this.#scope.abort();
    this.#talking?.microphone?.close();
    this.#talking = this.#writing = null;
    this.#showTalk(false);
    byId("line").value = "";
  }

  /** The way to the server was lost: what was being sent is over there. */
  lose() {
    this.#writing = null;
    this.#hush();
  }

  /** A drive is over: nothing more of it need be sent. */
  over(drive) {
    if (drive === this.#writing?.drive && drive.status !== "finished") this.#endWriting();
    if (drive === this.#talking?.drive) this.#hush();
  }

  get #mode() {
    return byId("composer").elements.mode.value;
  }

  #wire() {
    const { signal } = this.#scope;
    const on = (id, type, listener) => byId(id).addEventListener(type, listener, { signal });
    on("composer", "submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    on("line", "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    on("line", "input", (event) => this.#typed(event));
    on("line", "compositionend", () => this.#typed({ isComposing: false }));
    on("as-typed", "change", () => this.#fit());
    on("talk", "click", () => (this.#talking ? this.#hush() : this.#talk()));
    on("interrupt", "click", () => this.#interrupt());
    document.addEventListener("keydown", (event) => this.#escape(event), { signal });
  }

  #escape(event) {
    if (event.key !== "Escape" || event.isComposing || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.#interrupt();
  }

  #fit() {
    const live = byId("as-typed").checked;
    byId("line").maxLength = live ? WRITTEN_LIMIT : WHOLE_LIMIT;
    if (!live && this.#writing) this.#endWriting();
  }

  #submit() {
    if (!this.#control.open) {
      inform("compose.wait");
      return;
    }
    const line = byId("line");
    if (byId("as-typed").checked) {
      this.#write(line.value);
      this.#endWriting();
      return;
    }
    const written = line.value.trim();
    if (!written) return;
    const mode = this.#mode;
    const id = this.#control.send("drive", { text: written, mode });
    this.#said.expect(id, { kind: "text", written, interrupts: mode === "interrupt" });
    line.value = "";
  }

  /** Sends the words that are complete; what was sent can't be taken back. */
  #typed({ isComposing }) {
    if (isComposing || !byId("as-typed").checked || !this.#control.open) return;
    const line = byId("line");
    const sent = this.#writing?.sent ?? "";
    if (!line.value.startsWith(sent)) line.value = sent;
    const letters = [...line.value];
    while (letters.length && !WORD_ENDS.test(letters.at(-1))) letters.pop();
    this.#write(letters.join(""));
  }

  /** Sends a text up to its end, as far as it was not sent before. */
  #write(written) {
    const sent = this.#writing?.sent ?? "";
    const piece = written.slice(sent.length);
    if (!piece || (!sent && !piece.trim())) return;
    const mode = this.#mode;
    const id = this.#control.send("text.delta", this.#writing ? { text: piece } : { text: piece, mode });
    this.#writing ??= {
      sent: "",
      drive: this.#said.expect(id, { kind: "text", interrupts: mode === "interrupt" }),
    };
    this.#writing.sent = written;
    this.#said.write(this.#writing.drive, piece);
  }

  #endWriting() {
    if (this.#writing && this.#control.open) this.#control.send("text.end");
    this.#writing = null;
    byId("line").value = "";
  }

  #interrupt() {
    if (!this.#control.open) return;
    if (this.#writing) this.#endWriting();
    this.#hush();
    if (this.#said.busy) this.#said.interrupting();
    this.#control.send("interrupt");
  }

  async #talk() {
    if (!this.#control.open) return;
    const talking = { microphone: null, drive: null, begun: false, credits: Infinity };
    this.#talking = talking;
    this.#showTalk(true);
    try {
      const microphone = await Microphone.open((samples, peak) => this.#piece(talking, samples, peak));
      if (this.#talking !== talking) microphone.close();
      else talking.microphone = microphone;
      setTimeout(() => this.#giveUp(talking), SILENT_MS);
    } catch (error) {
      if (this.#talking === talking) this.#hush();
      if (error.said) inform(error.said);
      else complain(error);
    }
  }

  /** A browser without a sound device opens a microphone that never tells anything. */
  #giveUp(talking) {
    if (talking !== this.#talking || talking.begun) return;
    this.#hush();
    inform("mic.silent");
  }

  #piece(talking, samples, peak) {
    if (talking !== this.#talking || !this.#control.open) return;
    if (!talking.begun) this.#beginSound(talking);
    byId("talk").style.setProperty("--level", peak.toFixed(2));
    if (peak > LOUD && talking.drive.sentAt === null) talking.drive.sentAt = performance.now();
    if (talking.credits < PIECE_MS) {
      if (!talking.behind) inform("mic.behind");
      talking.behind = true;
      return;
    }
    talking.credits -= PIECE_MS;
    this.#control.sendSound(samples);
  }

  #beginSound(talking) {
    talking.begun = true;
    const mode = this.#mode;
    const id = this.#control.send("audio.start", { sample_rate: RATE_HZ, channels: 1, mode });
    talking.drive = this.#said.expect(id, { kind: "sound", interrupts: mode === "interrupt" });
  }

  /** The server takes so much more sound, ms. */
  credit(credits) {
    if (this.#talking) Object.assign(this.#talking, { credits, behind: false });
  }

  #hush() {
    const talking = this.#talking;
    this.#talking = null;
    talking?.microphone?.close();
    if (talking?.begun && this.#control.open) this.#control.send("audio.end");
    this.#showTalk(false);
  }

  #showTalk(on) {
    byId("talk").setAttribute("aria-pressed", String(on));
    byId("talk").style.setProperty("--level", "0");
    say(byId("talk-label"), on ? "compose.talking" : "compose.talk");
  }
}
