/** Small things of the page: its elements, new elements, notices, questions. */

import { known, language, say, text, translate } from "./language.js";

const SVG = "http://www.w3.org/2000/svg";
const INFORMED_MS = 8_000;
const MAX_NOTICES = 3;

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** A new element; `say` names its text, `on` its listeners, the rest are attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "say") say(element, ...[value].flat());
    else if (name === "on") listen(element, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function listen(element, listeners) {
  for (const [type, listener] of Object.entries(listeners))
    element.addEventListener(type, listener);
}

/** One of the page's icons. */
export function icon(name, solid = false) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", solid ? "icon solid" : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** What a problem is called, and what it says. */
export function problemText(problem) {
  const name = `problem.${problem.code}`;
  const own = known(name) && (language() !== "en" || !problem.title);
  const title = own ? text(name) : problem.title || (problem.detail ? "" : text("problem.broken"));
  if (problem.errors?.length)
    return { title, detail: problem.errors.map((one) => `${one.location}: ${one.message}`).join("; ") };
  const more = `${name}_detail`;
  return { title, detail: known(more) ? text(more) : (problem.detail ?? "") };
}

/** Tells of a problem until it is dismissed. */
export function complain(problem) {
  const { title, detail } = problemText(problem);
  const [head, rest] = [make("strong"), make("span")];
  [head.textContent, rest.textContent] = [title, detail];
  const links = problem.review_id ? [" ", reviewLink(problem.review_id)] : [];
  notice("problem", "alert", head, rest, ...links);
  if (!problem.code) console.error(problem);
}

/** Tells something for a while. */
export function inform(name, values) {
  const box = notice("info", "status", make("span", { say: [name, values] }));
  setTimeout(() => box.remove(), INFORMED_MS);
}

function notice(kind, role, ...content) {
  const close = make(
    "button",
    { type: "button", class: "quiet round", "data-say-aria-label": "dismiss" },
    icon("close"),
  );
  const box = make("div", { class: `notice ${kind}`, role }, make("p", {}, ...content), close);
  close.addEventListener("click", () => box.remove());
  translate(box);
  const all = byId("notices");
  while (all.children.length >= MAX_NOTICES) all.firstChild.remove();
  all.append(box);
  return box;
}

/** A link to the review that something waits for. */
export function reviewLink(reviewId) {
  return make("a", { href: `#reviews/${reviewId}`, say: "review.see" });
}

/** Runs something that a button began: shows that it runs, and tells what goes wrong. */
export async function busy(button, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } catch (problem) {
    complain(problem);
    return undefined;
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

/** Makes all dialogs close by their buttons, and by a click beside them. */
export function wireDialogs() {
  for (const dialog of document.querySelectorAll("dialog"))
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    });
}

/** Asks before something is deleted. */
export function confirmed(name, values) {
  const dialog = byId("confirm");
  say(byId("confirm-text"), name, values);
  return new Promise((resolve) => {
    let answer = false;
    const yes = () => {
      answer = true;
      dialog.close();
    };
    byId("confirm-yes").addEventListener("click", yes);
    dialog.addEventListener(
      "close",
      () => {
        byId("confirm-yes").removeEventListener("click", yes);
        resolve(answer);
      },
      { once: true },
    );
    dialog.showModal();
  });
}

/** Saves bytes as a file of the reader's. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
