/** One video, as a line of the list: followed, played, saved, erased. */

import { ask, call, events, pause } from "./api.js";
import { refusal } from "./captions.js";
import { text } from "./language.js";
import { busy, confirmed, download, icon, make, problemText, reviewLink } from "./page.js";

const AGAIN_MS = 2_000;
const OVER = ["succeeded", "failed", "cancelled", "rejected"];

/** A video on its card; `gone` is called when it was erased. */
export class Job {
  #video;
  #gone;
  #scope = new AbortController();
  #addresses = [];
  #content = null;
  #picture = make("div", { class: "job-picture" });
  #title = make("p", { class: "job-title" });
  #facts = make("p", { class: "job-facts" });
  #bar = make("progress", { max: 1 });
  #error = make("p", { class: "error" });
  #buttons = make("div", { class: "row" });

  constructor(video, cast, gone) {
    this.#video = video;
    this.#gone = gone;
    const body = make("div", { class: "job-body" });
    body.append(this.#title, this.#facts, this.#bar, this.#error, this.#buttons);
    this.item = make("li", { class: "card job" }, this.#picture, body);
    this.#paint(cast);
    this.show();
    if (!this.#over) this.#follow();
  }

  get #over() {
    return OVER.includes(this.#video.status);
  }

  /** Whether a person has to decide before it goes on. */
  get #waits() {
    return this.#video.status === "moderating" && Boolean(this.#video.review_id);
  }

  /** Follows it no more, and gives its memory back. */
  close() {
    this.#scope.abort();
    this.#addresses.forEach((address) => URL.revokeObjectURL(address));
    this.item.remove();
  }

  /** Shows it as it is now. */
  show() {
    const video = this.#video;
    const waits = this.#waits;
    this.item.dataset.status = waits ? "held" : video.status;
    this.#title.textContent = video.metadata.title || video.id;
    const chip = make("span", { class: "chip", say: waits ? "review.waits" : `video.${video.status}` });
    this.#facts.replaceChildren(chip, waits ? reviewLink(video.review_id) : this.#note(video));
    this.#bar.hidden = this.#over || waits;
    this.#bar.value = video.progress;
    this.#bar.setAttribute("aria-label", text(`video.${video.status}`));
    this.#error.textContent = video.error ? trouble(video.error) : "";
    this.#showButtons();
  }

  #note(video) {
    const facts = [];
    if (!this.#over) facts.push(`${Math.round(video.progress * 100)} %`);
    if (video.queue_position) facts.push(text("jobs.ahead", { count: video.queue_position }));
    if (video.duration_s) facts.push(`${video.duration_s.toFixed(1)} s`);
    if (video.width) facts.push(`${video.width} × ${video.height}`);
    if (video.bytes) facts.push(`${(video.bytes / 1e6).toFixed(1)} MB`);
    const note = make("span", { class: "note" });
    note.textContent = facts.join(" · ");
    return note;
  }

  #showButtons() {
    const { status } = this.#video;
    const wanted = this.#over ? (status === "succeeded" ? "play save delete" : "delete") : "cancel";
    if (this.#buttons.dataset.wanted === wanted) return;
    this.#buttons.dataset.wanted = wanted;
    const made = {
      play: () => button("jobs.play", "play", (own) => busy(own, () => this.#play())),
      save: () => button("jobs.save", "down", (own) => busy(own, () => this.#save())),
      cancel: () => button("jobs.cancel", "close", (own) => busy(own, () => this.#cancel())),
      delete: () => button("delete", "bin", (own) => this.#delete(own)),
    };
    this.#buttons.replaceChildren(...wanted.split(" ").map((name) => made[name]()));
  }

  async #paint(cast) {
    const source = await cast.picture(this.#video.avatar_id);
    if (source && !this.#picture.childElementCount)
      this.#picture.append(make("img", { src: source, alt: "" }));
  }

  /** Follows its events until it ends; connects again when they break off. */
  async #follow() {
    const { signal } = this.#scope;
    while (!this.#over && !signal.aborted) {
      try {
        for await (const video of events(`/v1/videos/${this.#video.id}/events`, signal)) {
          this.#video = video;
          this.show();
        }
      } catch (problem) {
        if (problem.status === 404) this.#erased();
        if (problem.status === 401) return;
      }
      if (!this.#over) await pause(AGAIN_MS, signal);
    }
  }

  async #fetched() {
    this.#content ??= call("GET", `/v1/videos/${this.#video.id}/content`).then((answer) =>
      answer.blob(),
    );
    try {
      return await this.#content;
    } catch (problem) {
      this.#content = null;
      throw problem;
    }
  }

  async #play() {
    const source = this.#address(await this.#fetched());
    const video = make("video", { src: source, controls: true, playsinline: true });
    const subtitles = await this.#subtitles();
    if (subtitles) video.append(subtitles);
    this.#picture.replaceChildren(video);
    this.item.classList.add("playing");
    this.#buttons.querySelector("button").hidden = true;
    await video.play().catch(() => {});
    video.focus();
  }

  async #subtitles() {
    try {
      const answer = await call("GET", `/v1/videos/${this.#video.id}/subtitles`);
      return make("track", { kind: "captions", src: this.#address(await answer.blob()), default: true });
    } catch {
      return null;
    }
  }

  #address(blob) {
    const address = URL.createObjectURL(blob);
    this.#addresses.push(address);
    return address;
  }

  async #save() {
    const file = await this.#fetched();
    download(file, `${this.#video.id}.${file.type.startsWith("video/webm") ? "webm" : "mp4"}`);
  }

  async #cancel() {
    this.#video = await ask("POST", `/v1/videos/${this.#video.id}/cancel`);
    this.show();
  }

  async #delete(own) {
    if (!(await confirmed("jobs.delete"))) return;
    await busy(own, async () => {
      await call("DELETE", `/v1/videos/${this.#video.id}`);
      this.#erased();
    });
  }

  #erased() {
    this.close();
    this.#gone();
  }
}

function trouble(error) {
  if (error.categories.length) return refusal(error.categories);
  const { title, detail } = problemText(error);
  return [title, detail].filter(Boolean).join(": ");
}

function button(name, picture, click) {
  const made = make("button", { type: "button" }, icon(picture, picture === "play"));
  made.append(make("span", { say: name }));
  made.addEventListener("click", () => click(made));
  return made;
}
