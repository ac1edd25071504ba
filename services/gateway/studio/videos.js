/** The batch side: makes videos and lists them. */

import { ask } from "./api.js";
import { Job } from "./job.js";
import { say, text } from "./language.js";
import { busy, byId, complain } from "./page.js";

const PAGE = 12;
const TITLE_CHARACTERS = 200;

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
