/** What is said in a stream: its drives, newest first, with how they went. */

import { Captions, joined, refusal } from "./captions.js";
import { duration, moment, say, text } from "./language.js";
import { byId, make, problemText, reviewLink } from "./page.js";

const MAX_SHOWN = 100;

/** All drives of a stream; tells `over` (a drive, in `detail`) and `measured` (a delay). */
export class Said extends EventTarget {
  #drives = new Map();
  #own = new Map();
  #captions = new Captions();
  #interruptedAt = null;

  /** A drive that this page sent: it is shown at once, and known by the message's id. */
  expect(eventId, { kind, written = "", interrupts = false }) {
    const drive = newDrive(kind, written);
    drive.alone = interrupts || !this.busy;
    this.#own.set(eventId, drive);
    this.#list(drive);
    if (drive.alone && written) this.#captions.show(drive);
    return drive;
  }

  /** More of a drive's text was written. */
  write(drive, piece) {
    drive.written += piece;
    drive.letters.push(...piece);
    this.#show(drive);
    if (drive.status === "speaking" || drive.alone) this.#captions.show(drive);
  }

  /** The reader stopped it: counts the time until it was. */
  interrupting() {
    this.#interruptedAt = performance.now();
  }

  /** Whether anything is being said or waits. */
  get busy() {
    return this.#all.some((drive) => !drive.over);
  }

  /** Every drive, in the order in which they came. */
  get #all() {
    return [...this.#drives.values(), ...this.#own.values()];
  }

  /** Takes what the server tells. */
  take(message) {
    if (message.type === "drive.accepted") this.#accept(message);
    else if (message.type === "error") this.#refuse(message);
    else if (message.type === "moderation.held") this.#hold(message, this.#driveOf(message));
    else if (message.type === "moderation.decided") this.#release(message);
    else if (message.drive_id) this.#hear(message, this.#driveOf(message));
  }

  /** Forgets everything: another stream begins. */
  clear() {
    this.#drives.clear();
    this.#own.clear();
    this.#captions.clear();
    byId("said").replaceChildren();
    byId("said-none").hidden = false;
  }

  /** Nothing that is not over will be. */
  lose() {
    for (const drive of this.#all)
      if (!drive.over) this.#end(drive, "interrupted");
    this.#own.clear();
  }

  #accept({ in_reply_to: eventId, drive_id: id }) {
    const drive = this.#own.get(eventId);
    if (!drive) return;
    this.#bind(eventId, id);
    this.#measure("accepted", performance.now() - drive.sentAt);
    this.#show(drive);
  }

  #refuse({ in_reply_to: eventId, problem }) {
    const drive = this.#own.get(eventId);
    if (!drive) return;
    this.#own.delete(eventId);
    drive.problem = problem;
    this.#end(drive, "failed");
  }

  #hold({ review_id: reviewId, time_limit_s: limitS }, drive) {
    if (!drive) return;
    drive.held = { reviewId, until: new Date(Date.now() + limitS * 1_000) };
    this.#show(drive);
  }

  #release({ review_id: reviewId }) {
    for (const drive of this.#all.filter((one) => one.held?.reviewId === reviewId)) {
      drive.held = null;
      this.#show(drive);
    }
  }

  /** The drive of a message; null while it is not known whether it is this page's own. */
  #driveOf({ type, drive_id: id }) {
    if (this.#drives.has(id)) return this.#drives.get(id);
    const [eventId, first] = this.#own.entries().next().value ?? [];
    if (first?.kind === "sound") return this.#bind(eventId, id);
    if (first && type === "drive.queued") return null;
    const drive = newDrive("other", "");
    this.#drives.set(id, drive);
    this.#list(drive);
    return drive;
  }

  #bind(eventId, id) {
    const drive = this.#own.get(eventId);
    this.#own.delete(eventId);
    this.#drives.set(id, drive);
    if (drive.status === "sending") drive.status = "queued";
    return drive;
  }

  #hear(message, drive) {
    if (!drive) return;
    switch (message.type) {
      case "drive.queued":
        drive.status = "queued";
        break;
      case "drive.started":
        this.#begin(drive);
        break;
      case "word":
        drive.words.push(message);
        this.#captions.show(drive);
        return;
      case "moderation.blocked":
        drive.categories = message.categories;
        return;
      case "drive.finished":
      case "drive.interrupted":
      case "drive.failed":
        drive.playedMs = message.played_ms;
        drive.playedText = message.played_text ?? "";
        drive.problem = message.problem ?? null;
        this.#end(drive, message.type.slice("drive.".length));
        return;
      default:
        return;
    }
    this.#show(drive);
  }

  #begin(drive) {
    drive.status = "speaking";
    if (drive.alone && drive.sentAt !== null) {
      drive.voiceMs = performance.now() - drive.sentAt;
      this.#measure(drive.kind === "sound" ? "talk" : "voice", drive.voiceMs);
    }
    this.#captions.show(drive);
  }

  #end(drive, status) {
    drive.status = drive.categories ? "blocked" : status;
    drive.over = true;
    drive.held = null;
    if (status === "interrupted" && this.#interruptedAt !== null) {
      this.#measure("interrupt", performance.now() - this.#interruptedAt);
      this.#interruptedAt = null;
    }
    if (drive.categories) this.#captions.refuse(refusal(drive.categories));
    else if (drive.words.length) this.#captions.show(drive);
    this.#show(drive);
    this.dispatchEvent(new CustomEvent("over", { detail: drive }));
  }

  #measure(name, ms) {
    this.dispatchEvent(new CustomEvent("measured", { detail: { name, ms } }));
  }

  #list(drive) {
    const list = byId("said");
    byId("said-none").hidden = true;
    list.prepend(drive.item);
    while (list.children.length > MAX_SHOWN) list.lastChild.remove();
    this.#show(drive);
  }

  #show(drive) {
    const [line, facts] = drive.item.children;
    const status = drive.held ? "held" : drive.status;
    drive.item.dataset.status = status;
    const shown = drive.written || joined(drive.words);
    if (shown) {
      delete line.dataset.say;
      line.textContent = shown;
    } else {
      say(line, drive.kind === "other" ? "said.other" : "said.sound");
    }
    const chip = make("span", { class: "chip", say: `drive.${status}` });
    const note = make("span", { class: "note" });
    note.textContent = told(drive);
    facts.replaceChildren(chip, note, ...(drive.held ? [" ", reviewLink(drive.held.reviewId)] : []));
  }
}

function newDrive(kind, written) {
  return {
    kind,
    written,
    letters: [...written],
    words: [],
    status: "sending",
    over: false,
    held: null,
    alone: false,
    sentAt: kind === "text" ? performance.now() : null,
    voiceMs: null,
    playedMs: null,
    playedText: "",
    categories: null,
    problem: null,
    item: make("li", { class: "drive" }, make("p", { class: "drive-text" }), make("p")),
  };
}

/** How a drive went, in a few words. */
function told(drive) {
  if (drive.categories) return refusal(drive.categories);
  if (drive.problem) {
    const { title, detail } = problemText(drive.problem);
    return [title, detail].filter(Boolean).join(": ");
  }
  if (drive.held) return text("drive.held_until", { time: moment(drive.held.until) });
  const facts = [];
  if (drive.voiceMs !== null) facts.push(text("drive.after", { time: duration(drive.voiceMs) }));
  if (drive.status === "interrupted" && drive.playedText)
    facts.push(text("drive.cut", { text: [...drive.playedText].slice(-24).join("") }));
  else if (drive.playedMs) facts.push(text("drive.played", { time: duration(drive.playedMs) }));
  return facts.join(" · ");
}
