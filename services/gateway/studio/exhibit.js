/** The content that a review is about: a text, a picture or a recording. */

import { call } from "./api.js";
import { marked } from "./findings.js";
import { translate } from "./language.js";
import { busy, complain, icon, make } from "./page.js";

const AHEAD = "300px";

/** Shows it in `root`: pictures are fetched when they come into view, recordings when asked for. */
export class Exhibit {
  root = make("div", { class: "exhibit" });
  #address = "";
  #watch = null;
  #scope = new AbortController();

  constructor(review) {
    this.root.append(...this.#shown(review));
  }

  /** Gives its memory back. */
  close() {
    this.#watch?.disconnect();
    this.#scope.abort();
    URL.revokeObjectURL(this.#address);
  }

  #shown(review) {
    if (review.text !== null) return [writing(review)];
    if (review.content_url === null) return [make("p", { class: "soft", say: "review.gone" })];
    return [review.kind === "image" ? this.#picture(review) : this.#recording(review)];
  }

  #picture({ content_url: url }) {
    const spinner = make("span", { class: "spinner" });
    const frame = make("div", { class: "exhibit-picture" }, spinner);
    this.#watch = new IntersectionObserver(
      async ([entry]) => {
        if (!entry.isIntersecting) return;
        this.#watch.disconnect();
        try {
          const image = make("img", { "data-say-alt": "review.picture", alt: "" });
          image.src = await this.#fetch(url);
          frame.replaceChildren(image);
          translate(frame);
        } catch (problem) {
          if (this.#scope.signal.aborted) return;
          frame.replaceChildren(icon("warn"));
          complain(problem);
        }
      },
      { rootMargin: AHEAD },
    );
    this.#watch.observe(frame);
    return frame;
  }

  #recording({ content_url: url }) {
    const listen = make("button", { type: "button" }, icon("play", true));
    listen.append(make("span", { say: "review.listen" }));
    listen.addEventListener("click", () =>
      busy(listen, async () => {
        const sound = make("audio", { controls: true, "data-say-aria-label": "review.recording" });
        sound.src = await this.#fetch(url);
        listen.replaceWith(sound);
        translate(this.root);
        sound.focus();
        await sound.play().catch(() => {});
      }),
    );
    return listen;
  }

  async #fetch(url) {
    const answer = await call("GET", url, { signal: this.#scope.signal });
    this.#address = URL.createObjectURL(await answer.blob());
    return this.#address;
  }
}

/** The text, scrolled to what was found first; long ones scroll by the keyboard as well. */
function writing({ text: written, categories }) {
  const block = make("p", {
    class: "exhibit-text",
    dir: "auto",
    tabindex: "0",
    role: "group",
    "data-say-aria-label": "review.text",
  });
  block.append(...marked(written, categories));
  return block;
}

/** Brings what was found first into view within its text. */
export function toMark(root) {
  const mark = root.querySelector("mark");
  if (mark) mark.parentElement.scrollTop = mark.offsetTop - mark.parentElement.clientHeight / 3;
}
