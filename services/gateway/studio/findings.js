/** What moderation found, in words, and where in the text. */

import { known, text } from "./language.js";
import { make } from "./page.js";

const SURE = 0.9;
const LIKELY = 0.6;
const MAX_QUOTES = 3;
const QUOTED_CHARACTERS = 40;

/** A text with every place marked that a finding names; places count Unicode code points. */
export function marked(written, categories) {
  const letters = [...written];
  const parts = [];
  let at = 0;
  for (const { start, end } of joined(categories.flatMap((one) => one.spans))) {
    const mark = make("mark");
    mark.textContent = letters.slice(start, end).join("");
    parts.push(letters.slice(at, start).join(""), mark);
    at = end;
  }
  return [...parts, letters.slice(at).join("")];
}

/** The places in their order, those that touch as one. */
function joined(spans) {
  const places = [];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    const last = places.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else places.push({ start, end });
  }
  return places;
}

/** One line for each thing that was found; `written` is null of pictures and recordings. */
export function found(categories, written) {
  const list = make("ul", { class: "found" }, ...categories.map((one) => line(one, written)));
  if (!categories.length) list.append(make("li", { say: "found.nothing" }));
  return list;
}

function line(category, written) {
  const topic = make("strong");
  topic.textContent = named(`topic.${category.label}`, category.label);
  const why = `${text("found.colon")}${reasons(category).join(text("found.comma"))}`;
  return make("li", {}, topic, why, ...quotes(category, written));
}

function reasons({ label, sub_label: detail, source, score }) {
  const reason = [];
  if (detail && known(`detail.${detail}`)) reason.push(text(`detail.${detail}`));
  if (label !== "portrait") reason.push(seen(label, source, score));
  return reason;
}

function seen(label, source, score) {
  if (source === "LEXICON") return text("found.list");
  const percent = Math.round(score * 100);
  if (label === "minor") return text("found.age", { percent });
  const degree = score >= SURE ? "sure" : score >= LIKELY ? "likely" : "possible";
  return text(`found.${degree}`, { percent });
}

/** What was found, in its own words, unless that is the whole text. */
function quotes({ spans }, written) {
  const letters = [...(written ?? "")];
  const pieces = spans
    .filter(({ start, end }) => end - start < letters.length)
    .map(({ start, end }) => letters.slice(start, end));
  const different = [...new Set(pieces.map(shortened))].slice(0, MAX_QUOTES);
  return different.flatMap((piece) => {
    const quote = make("q");
    quote.textContent = piece;
    return [" ", quote];
  });
}

function shortened(letters) {
  if (letters.length <= QUOTED_CHARACTERS) return letters.join("");
  return `${letters.slice(0, QUOTED_CHARACTERS).join("")}…`;
}

/** A text of the page; `otherwise` where it has none of this name. */
export function named(name, otherwise) {
  return known(name) ? text(name) : otherwise;
}
