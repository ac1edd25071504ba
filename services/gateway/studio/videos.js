/** The batch side: makes videos, follows them, plays, saves and erases them. */

import { ask, call, events, pause } from "./api.js";
import { refusal } from "./captions.js";
import { say, text } from "./language.js";
import { busy, byId, complain, confirmed, download, icon, make, problemText } from "./page.js";

const PAGE = 12;
const TITLE_CHARACTERS = 200;
const AGAIN_MS = 2_000;
const OVER = ["succeeded", "failed", "cancelled", "rejected"];

/** The videos of the account. */
export class Videos {
  #cast;
  #jobs = new Map();
  #cursor = "";

  constructor(cast) {
    this.#cast = cast;
    byId("job-form").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(byId("job-make"), () => this.#make());
    });
    for (const radio of byId("job-form").elements.kind)
      radio.addEventListener("change", () => this.#showKind());
    byId("script").addEventListener("input", () => this.#count());
    byId("jobs-more").addEventListener("click", () =>
      busy(byId("jobs-more"), () => this.#page(this.#cursor)),
    );
    document.addEventListener("language", () => this.#again());
    document.addEventListener("stream-ended", () => this.load().catch(complain));
    this.#count();
  }

  /** Asks the server for the newest videos. */
  async load() {
    this.forget();
    await this.#page("");
  }

  /** Shows none and follows none. */
  forget() {
    for (const job of this.#jobs.values()) job.close();
    this.#jobs.clear();
    byId("jobs").replaceChildren();
  }

  async #page(cursor) {
    const query = `limit=${PAGE}&cursor=${encodeURIComponent(cursor)}`;
    const page = await ask("GET", `/v1/videos?${query}`);
    for (const video of page.items) if (!this.#jobs.has(video.id)) this.#add(video, "append");
    this.#cursor = page.next_cursor ?? "";
    byId("jobs-more").hidden = !this.#cursor;
    this.#showNone();
  }

  #add(video, where) {
    const job = new Job(video, this.#cast, () => {
      this.#jobs.delete(video.id);
      this.#showNone();
    });
    this.#jobs.set(video.id, job);
    byId("jobs")[where](job.item);
  }

  #showNone() {
    byId("jobs-none").hidden = this.#jobs.size > 0;
  }

  #showKind() {
    const sound = byId("job-form").elements.kind.value === "audio";
    byId("job-text").hidden = sound;
    byId("job-audio").hidden = !sound;
  }

  #count() {
    const count = [...byId("script").value].length.toLocaleString("en");
    say(byId("script-count"), "job.count", { count });
  }

  #again() {
    for (const job of this.#jobs.values()) job.show();
  }

  async #make() {
    const wish = await this.#wish();
    if (!wish) return;
    this.#add(await ask("POST", "/v1/videos", { json: wish }), "prepend");
    byId("script").value = byId("recording").value = "";
    this.#count();
    this.#showNone();
  }

  /** What is asked for; null: something is missing, and the reader was told. */
  async #wish() {
    const { avatar, voiceId } = this.#cast;
    if (!avatar) return missing("job.no_face", "avatar-new");
    if (byId("job-form").elements.kind.value === "text") {
      const written = byId("script").value;
      if (!written.trim()) return missing("job.no_text", "script");
      const script = { type: "text", text: written };
      const metadata = { title: titled(written) };
      return { avatar_id: avatar.id, voice_id: voiceId || null, script, metadata };
    }
    const [file] = byId("recording").files;
    if (!file) return missing("job.no_recording", "recording");
    const form = new FormData();
    form.append("file", file);
    const asset = await ask("POST", "/v1/assets", { form });
    const script = { type: "audio", asset_id: asset.id };
    return { avatar_id: avatar.id, script, metadata: { title: titled(file.name) } };
  }
}

function missing(name, id) {
  complain({ code: "missing", title: text(name) });
  byId(id).focus();
  return null;
}

function titled(written) {
  return [...written.replace(/\s+/g, " ").trim()].slice(0, TITLE_CHARACTERS).join("");
}

/** One video, as a line of the list. */
class Job {
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

  /** Follows it no more, and gives its memory back. */
  close() {
    this.#scope.abort();
    this.#addresses.forEach((address) => URL.revokeObjectURL(address));
    this.item.remove();
  }

  /** Shows it as it is now. */
  show() {
    const video = this.#video;
    this.item.dataset.status = video.status;
    this.#title.textContent = video.metadata.title || video.id;
    this.#facts.replaceChildren(
      make("span", { class: "chip", say: `video.${video.status}` }),
      this.#note(video),
    );
    this.#bar.hidden = this.#over;
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
    download(await this.#fetched(), `${this.#video.id}.mp4`);
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
