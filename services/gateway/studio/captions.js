/** The words of whoever speaks, lit up as they are heard. */

import { text } from "./language.js";
import { byId, icon, make } from "./page.js";

/** The captions below the picture. */
export class Captions {
  #root = byId("captions");
  #before = make("span", { class: "heard" });
  #now = make("span", { class: "now" });
  #after = make("span", { class: "ahead" });
  #line = make("p", {}, this.#before, this.#now, this.#after);

  /** Shows where a drive is. */
  show(drive) {
    const [before, now, after] = parts(drive);
    this.#before.textContent = before;
    this.#now.textContent = now;
    this.#after.textContent = after;
    if (this.#root.firstChild !== this.#line) this.#root.replaceChildren(this.#line);
    this.#root.scrollTop = this.#now.offsetTop - this.#root.clientHeight / 2;
  }

  /** Says kindly that something was not said. */
  refuse(sentence) {
    const told = make("span");
    told.textContent = sentence;
    this.#root.replaceChildren(make("p", { class: "refused", role: "status" }, icon("warn"), told));
  }

  /** Shows nothing. */
  clear() {
    this.#root.replaceChildren();
  }
}

/** What was heard, the word now, and what is to come. */
function parts({ letters, words, status }) {
  const last = words.at(-1);
  const over = status !== "speaking";
  if (letters.length && status === "finished") return [letters.join(""), "", ""];
  if (!last) return ["", "", letters.join("")];
  if (letters.length && fits(letters, last)) {
    const [from, to] = over ? [last.char_end, last.char_end] : [last.char_start, last.char_end];
    return [letters.slice(0, from), letters.slice(from, to), letters.slice(to)].map((part) =>
      part.join(""),
    );
  }
  const heard = joined(over ? words : words.slice(0, -1));
  return over ? [heard, "", ""] : [heard && `${heard}${gap(heard, last.text)}`, last.text, ""];
}

function fits(letters, word) {
  return letters.slice(word.char_start, word.char_end).join("").includes(word.text);
}

/** Words that were heard, as one would write them. */
export function joined(words) {
  return words.reduce((line, { text: word }) => `${line}${line && gap(line, word)}${word}`, "");
}

function gap(before, after) {
  const han = /[\p{Script=Han}\p{P}]/u;
  return han.test(before.slice(-1)) && han.test(after[0] ?? "") ? "" : " ";
}

/** A kind sentence for what moderation did not let through. */
export function refusal(categories) {
  const comma = text("topics.comma");
  const topics = categories.map((label) => text(`topic.${label}`)).join(comma);
  return topics ? text("blocked.kind", { topics }) : text("blocked.plain");
}
