/** Who speaks: the faces and voices to choose from, and new faces. */

import { all, ask, call, key, pause } from "./api.js";
import { language, say, text } from "./language.js";
import { busy, byId, complain, confirmed, icon, make, problemText, reviewLink } from "./page.js";

const CHOSEN = "vultus.avatar";
const VOICE = "vultus.voice";
const LOOK_MS = 1_000;
const WAITING_LOOK_MS = 5_000;
const MAX_NAME = 100;

/** The faces and voices; tells `change` when another face is chosen. */
export class Cast extends EventTarget {
  #avatars = [];
  #voices = [];
  #pictures = new Map();
  #sound = null;

  constructor() {
    super();
    byId("avatar-new").addEventListener("click", () => byId("face-dialog").showModal());
    byId("avatar-delete").addEventListener("click", () => this.#delete());
    byId("voice").addEventListener("change", () => localStorage.setItem(VOICE, this.voiceId));
    byId("voice-try").addEventListener("click", (event) =>
      busy(event.currentTarget, () => this.#listen()),
    );
    document.addEventListener("language", () => this.#showVoices());
    new FaceForm((avatar) => this.#add(avatar));
  }

  /** The chosen face, or null. */
  get avatar() {
    const id = byId("avatars").querySelector("input:checked")?.value;
    return this.#avatars.find((avatar) => avatar.id === id) ?? null;
  }

  /** The chosen voice's id; empty: the text's language decides. */
  get voiceId() {
    return byId("voice").value;
  }

  /** Asks the server what there is. */
  async load() {
    const [avatars, voices] = await Promise.all([all("/v1/avatars"), ask("GET", "/v1/voices")]);
    this.#avatars = avatars;
    this.#voices = voices.items;
    this.#showVoices();
    this.#showAvatars();
    for (const avatar of avatars) if (avatar.status === "preparing") this.#follow(avatar.id);
  }

  /** A face's picture as an address in this page; null: there is none. */
  async picture(avatarId) {
    if (!this.#pictures.has(avatarId)) this.#pictures.set(avatarId, this.#fetch(avatarId));
    return this.#pictures.get(avatarId);
  }

  async #fetch(avatarId) {
    try {
      const answer = await call("GET", `/v1/avatars/${avatarId}/preview`);
      return URL.createObjectURL(await answer.blob());
    } catch {
      this.#pictures.delete(avatarId);
      return null;
    }
  }

  #showAvatars(wanted = this.avatar?.id ?? localStorage.getItem(CHOSEN)) {
    const usable = this.#avatars.filter((avatar) => avatar.status === "ready");
    const chosen = usable.find((avatar) => avatar.id === wanted) ?? usable[0];
    const list = byId("avatars");
    list.replaceChildren(...this.#avatars.map((avatar) => this.#tile(avatar, chosen)));
    if (!this.#avatars.length) list.append(make("p", { class: "soft", say: "cast.none" }));
    this.#changed();
  }

  #tile(avatar, chosen) {
    const radio = make("input", {
      type: "radio",
      name: "avatar",
      value: avatar.id,
      disabled: avatar.status === "failed" || avatar.status === "rejected",
      on: { change: () => this.#changed() },
    });
    radio.checked = avatar === chosen;
    const face = make("span", { class: "face" });
    const name = make("span", { class: "name" });
    name.textContent = avatar.name;
    const tile = make("label", { class: "avatar" }, radio, face, name);
    if (avatar.status === "ready") this.#paint(face, avatar.id);
    else face.append(this.#standing(avatar));
    if (avatar.error) tile.title = problemText(avatar.error).detail;
    return tile;
  }

  async #paint(face, avatarId) {
    const source = await this.picture(avatarId);
    if (source) face.replaceChildren(make("img", { src: source, alt: "" }));
  }

  #standing(avatar) {
    if (avatar.status === "preparing" && avatar.review_id)
      return make(
        "span",
        { class: "standing" },
        make("span", { say: "review.waits" }),
        reviewLink(avatar.review_id),
      );
    const failed = avatar.status !== "preparing";
    return make(
      "span",
      { class: failed ? "standing bad" : "standing" },
      failed ? icon("warn") : make("span", { class: "spinner" }),
      make("span", { say: `avatar.${avatar.status}` }),
    );
  }

  #changed() {
    const { avatar } = this;
    if (avatar) localStorage.setItem(CHOSEN, avatar.id);
    byId("avatar-delete").hidden = !avatar;
    this.dispatchEvent(new Event("change"));
  }

  #add(avatar) {
    this.#avatars.unshift(avatar);
    this.#showAvatars();
    this.#follow(avatar.id);
  }

  /** Looks at a face that is being prepared until it is ready or has failed. */
  async #follow(id) {
    const place = () => this.#avatars.findIndex((avatar) => avatar.id === id);
    try {
      while (key.get() && this.#avatars[place()]?.status === "preparing") {
        await pause(this.#avatars[place()].review_id ? WAITING_LOOK_MS : LOOK_MS);
        const avatar = await ask("GET", `/v1/avatars/${id}`);
        if (place() < 0) return;
        this.#avatars[place()] = avatar;
        if (avatar.status !== "preparing") this.#showAvatars(id);
        if (avatar.error) complain(avatar.error);
      }
    } catch (problem) {
      complain(problem);
    }
  }

  async #delete() {
    const { avatar } = this;
    if (!avatar || !(await confirmed("cast.delete", { name: avatar.name }))) return;
    await busy(byId("avatar-delete"), async () => {
      await call("DELETE", `/v1/avatars/${avatar.id}`);
      this.#avatars = this.#avatars.filter((each) => each !== avatar);
      this.#showAvatars("");
    });
  }

  #showVoices() {
    const select = byId("voice");
    const wanted = select.value || (localStorage.getItem(VOICE) ?? "");
    const groups = grouped(this.#voices);
    const options = [...groups].map(([tag, voices]) => {
      const group = make("optgroup", { label: text(`language.${tag}`) });
      group.append(...voices.map(voiceOption));
      return group;
    });
    select.replaceChildren(make("option", { value: "", say: "cast.auto" }), ...options);
    select.value = this.#voices.some((voice) => voice.id === wanted) ? wanted : "";
  }

  async #listen() {
    const chinese = language() === "zh";
    const fallback = this.#voices.find((one) => one.language.startsWith(chinese ? "zh" : "en"));
    const voice = this.#voices.find((one) => one.id === this.voiceId) ?? fallback;
    if (!voice) return;
    const sample = voice.language.startsWith("zh") ? "cast.sample_zh" : "cast.sample_en";
    const answer = await call("POST", "/v1/speech", {
      json: { voice_id: voice.id, text: text(sample), format: "wav" },
    });
    this.#sound?.pause();
    this.#sound = new Audio(URL.createObjectURL(await answer.blob()));
    const { src } = this.#sound;
    this.#sound.addEventListener("ended", () => URL.revokeObjectURL(src));
    await this.#sound.play();
  }
}

function grouped(voices) {
  const groups = new Map();
  for (const voice of voices) groups.set(voice.language, [...(groups.get(voice.language) ?? []), voice]);
  return groups;
}

function voiceOption(voice) {
  const option = make("option", { value: voice.id });
  option.textContent = `${voice.name} · ${text(voice.gender)}`;
  return option;
}

/** The dialog in which a portrait is added. */
class FaceForm {
  #picture = null;
  #made;

  constructor(made) {
    this.#made = made;
    byId("face-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    byId("face-file").addEventListener("change", (event) => this.#take(event.target.files[0]));
    this.#wireDrop(byId("face-drop"));
    byId("face-dialog").addEventListener("close", () => this.#clear());
  }

  #wireDrop(drop) {
    for (const type of ["dragover", "dragleave", "drop"])
      drop.addEventListener(type, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", type === "dragover");
      });
    drop.addEventListener("drop", (event) => this.#take(event.dataTransfer.files[0]));
  }

  #take(file) {
    if (!file) return;
    this.#picture = file;
    const shown = byId("face-preview");
    URL.revokeObjectURL(shown.src);
    shown.src = URL.createObjectURL(file);
    shown.hidden = false;
    byId("face-hint").hidden = true;
    const name = byId("face-name");
    name.value ||= file.name.replace(/\.[^.]*$/, "").slice(0, MAX_NAME);
    say(byId("face-error"), "");
  }

  async #submit() {
    const missing = this.#missing();
    if (missing) {
      say(byId("face-error"), missing[0]);
      byId(missing[1]).focus();
      return;
    }
    const form = new FormData();
    form.append("image", this.#picture);
    form.append("name", byId("face-name").value.trim());
    form.append("subject_authorised", "true");
    const button = byId("face-make");
    button.disabled = true;
    say(button, "face.making");
    try {
      this.#made(await ask("POST", "/v1/avatars", { form }));
      byId("face-dialog").close();
    } catch (problem) {
      const { title, detail } = problemText(problem);
      byId("face-error").textContent = detail ? `${title}: ${detail}` : title;
    } finally {
      button.disabled = false;
      say(button, "face.make");
    }
  }

  #missing() {
    if (!this.#picture) return ["face.no_file", "face-file"];
    if (!byId("face-name").value.trim()) return ["face.no_name", "face-name"];
    if (!byId("face-consent").checked) return ["face.no_consent", "face-consent"];
    return null;
  }

  #clear() {
    this.#picture = null;
    byId("face-form").reset();
    byId("face-preview").hidden = true;
    byId("face-hint").hidden = false;
    say(byId("face-error"), "");
  }
}
