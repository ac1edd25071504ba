/** The live side: opens a stream, watches and drives it, and ends it. */

import { Acting } from "./acting.js";
import { ask, call } from "./api.js";
import { Composer } from "./composer.js";
import { Control } from "./control.js";
import { Figures } from "./figures.js";
import { known, say, text } from "./language.js";
import { busy, byId, complain, inform } from "./page.js";
import { Said } from "./said.js";
import { canShow, Viewer } from "./viewer.js";

const STREAM = "vultus.stream";
const IDLE_TIMEOUT_S = 600;
const ASK_AFTER_FAILURES = 2;
const OVER = ["ended", "failed"];
const REVIEWED = ["moderation.held", "moderation.decided"];
const BLURRED_PX = 12;

/** The live stream of this tab, if there is one. */
export class Live {
  #cast;
  #said = new Said();
  #figures = new Figures();
  #parts = null;
  #clock = null;

  constructor(cast) {
    this.#cast = cast;
    cast.addEventListener("change", () => this.#showFace());
    byId("start").addEventListener("click", () => this.#start());
    byId("end").addEventListener("click", () => busy(byId("end"), () => this.#end()));
    byId("unmute").addEventListener("click", () => {
      byId("video").muted = false;
      byId("unmute").hidden = true;
    });
    this.#said.addEventListener("measured", ({ detail }) =>
      this.#figures.measured(detail.name, detail.ms),
    );
    this.#said.addEventListener("over", ({ detail }) => this.#parts?.composer.over(detail));
  }

  /** Goes on with the stream that this tab had before it was loaded again. */
  async resume() {
    const kept = sessionStorage.getItem(STREAM);
    if (!kept || this.#parts) return;
    const stream = JSON.parse(kept);
    try {
      const { status } = await ask("GET", `/v1/streams/${stream.id}`);
      if (OVER.includes(status)) throw new Error("over");
      this.#join(stream, false);
    } catch {
      sessionStorage.removeItem(STREAM);
    }
  }

  /** Leaves the stream; it ends by itself when it has been idle. */
  forget() {
    this.#leave();
    sessionStorage.removeItem(STREAM);
    this.#showFace();
  }

  async #start() {
    const { avatar, voiceId } = this.#cast;
    const label = byId("start").querySelector("span");
    say(label, "live.starting");
    await busy(byId("start"), async () => {
      const stream = await ask("POST", "/v1/streams", {
        json: {
          avatar_id: avatar.id,
          voice_id: voiceId || null,
          record: byId("record").checked,
          idle_timeout_s: IDLE_TIMEOUT_S,
        },
      });
      sessionStorage.setItem(STREAM, JSON.stringify(stream));
      this.#join(stream, true);
    });
    say(label, "live.start");
  }

  #join(stream, fresh) {
    this.#leave();
    this.#said.clear();
    const viewer = new Viewer(stream, byId("video"));
    const control = new Control(stream);
    const composer = new Composer(control, this.#said);
    const acting = new Acting(control, fresh);
    this.#parts = { stream, viewer, control, composer, acting };
    this.#wire(viewer, control);
    this.#show(true);
    this.#state(stream.status);
    say(byId("stage-note"), "stage.connecting");
    viewer.start();
    control.start();
    this.#figures.start(viewer, control);
    this.#play();
    byId("line").focus({ preventScroll: true });
  }

  #wire(viewer, control) {
    const present = (listener) => (event) => {
      if (this.#parts?.viewer === viewer) listener(event);
    };
    viewer.addEventListener("picture", present(() => this.#picture()));
    viewer.addEventListener("lost", present(() => this.#lost()));
    viewer.addEventListener("refused", present(({ detail }) => this.#refused(detail)));
    control.addEventListener("message", present(({ detail }) => this.#take(detail)));
    control.addEventListener("lost", present(({ detail }) => this.#controlLost(detail)));
  }

  #picture() {
    byId("video").hidden = false;
    byId("portrait").hidden = true;
    say(byId("stage-note"), "");
    this.#play();
  }

  async #play() {
    const video = byId("video");
    try {
      await video.play();
    } catch (error) {
      if (error.name !== "NotAllowedError") return;
      video.muted = true;
      byId("unmute").hidden = false;
      video.play().catch(() => {});
    }
  }

  #lost() {
    this.#state("reconnecting");
    say(byId("stage-note"), "stage.reconnecting");
  }

  /** The picture can't be had; one may drive the stream all the same. */
  #refused(problem) {
    if (problem.status === 404 || problem.code === "stream_ended") return;
    say(byId("stage-note"), canShow() ? "" : "stage.no_h264");
    if (canShow()) complain(problem);
  }

  async #controlLost(failures) {
    this.#state("reconnecting");
    this.#parts.composer.lose();
    this.#said.lose();
    if (failures < ASK_AFTER_FAILURES) return;
    const { stream } = this.#parts;
    try {
      const now = await ask("GET", `/v1/streams/${stream.id}`);
      if (OVER.includes(now.status)) this.#over(now.status, now.reason);
    } catch (problem) {
      if (problem.status === 404) this.#over("failed", "gateway_lost");
    }
  }

  #take(message) {
    this.#said.take(message);
    if (REVIEWED.includes(message.type)) document.dispatchEvent(new Event("reviewed"));
    if (message.type === "stream.state") {
      if (OVER.includes(message.status)) this.#over(message.status, message.reason);
      else this.#state(message.status);
    } else if (message.credits !== undefined) {
      this.#parts.composer.credit(message.credits);
    } else if (message.type === "error" && message.problem.code !== "conflict") {
      complain(message.problem);
    }
  }

  async #end() {
    const { stream } = this.#parts;
    await call("DELETE", `/v1/streams/${stream.id}`);
    if (this.#parts?.stream === stream) this.#over("ended", "deleted");
  }

  #over(status, reason) {
    const { stream, viewer } = this.#parts;
    viewer.ended();
    this.forget();
    const why = known(`reason.${reason}`) ? text(`reason.${reason}`) : (reason ?? status);
    say(byId("stage-note"), "stage.ended", { reason: why });
    if (stream.record) inform("stage.recording");
    document.dispatchEvent(new Event("stream-ended"));
    byId("start").focus({ preventScroll: true });
  }

  #leave() {
    if (!this.#parts) return;
    const { viewer, control, composer, acting } = this.#parts;
    this.#parts = null;
    composer.close();
    acting.close();
    control.stop();
    viewer.stop();
    this.#figures.stop();
    this.#show(false);
  }

  #show(on) {
    byId("work").dataset.live = on ? "on" : "off";
    for (const id of ["composer", "acting", "captions", "state", "clock", "end"])
      byId(id).hidden = !on;
    byId("video").hidden = true;
    byId("unmute").hidden = true;
    clearInterval(this.#clock);
    if (on) this.#tick();
  }

  #tick() {
    const began = Date.parse(this.#parts.stream.created_at);
    const show = () => {
      const s = Math.max(0, Math.round((Date.now() - began) / 1000));
      const parts = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
      if (!parts[0]) parts.shift();
      byId("clock").textContent = parts.map((part) => String(part).padStart(2, "0")).join(":");
    };
    show();
    this.#clock = setInterval(show, 1_000);
  }

  #state(status) {
    say(byId("state"), `state.${status}`);
    byId("state").dataset.status = status;
  }

  async #showFace() {
    if (this.#parts) return;
    const { avatar } = this.#cast;
    const ready = avatar?.status === "ready";
    byId("start").disabled = !ready;
    say(byId("stage-note"), avatar ? "stage.choose" : "stage.add");
    const source = ready ? await this.#cast.picture(avatar.id) : null;
    if (this.#cast.avatar !== avatar) return;
    const [portrait, backdrop] = [byId("portrait"), byId("backdrop")];
    portrait.hidden = backdrop.hidden = !source;
    if (!source) return;
    portrait.src = source;
    portrait.alt = avatar.name;
    await portrait.decode();
    URL.revokeObjectURL(backdrop.src);
    backdrop.src = URL.createObjectURL(await blurred(portrait));
  }
}

/** A picture in so few pixels that it is a blur when it is drawn large. */
function blurred(image) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = BLURRED_PX;
  canvas.getContext("2d").drawImage(image, 0, 0, BLURRED_PX, BLURRED_PX);
  return new Promise((resolve) => canvas.toBlob(resolve));
}
