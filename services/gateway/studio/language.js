/** The reader's language: every text that the page shows goes through here. */

import { words } from "./words.js";

const CHOICE = "vultus.language";
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const ATTRIBUTES = ["placeholder", "aria-label", "title", "alt"];

let current = chosen();

function chosen() {
  const before = localStorage.getItem(CHOICE);
  if (before in words) return before;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** The language now: `en` or `zh`. */
export function language() {
  return current;
}

/** Whether there is a text of this name, in the present language. */
export function known(name) {
  return name in words[current];
}

/** A text with its values put in. */
export function text(name, values = {}) {
  const found = words[current][name] ?? words.en[name] ?? name;
  return found.replace(/\{(\w+)\}/g, (_, value) => values[value] ?? "");
}

/** Makes an element show a text, now and after a change of language. */
export function say(element, name, values = {}) {
  element.dataset.say = name;
  element.dataset.values = JSON.stringify(values);
  element.textContent = text(name, values);
}

/** Shows every text below an element in the present language. */
export function translate(root = document) {
  for (const element of root.querySelectorAll("[data-say]"))
    element.textContent = text(element.dataset.say, JSON.parse(element.dataset.values ?? "{}"));
  for (const attribute of ATTRIBUTES)
    for (const element of root.querySelectorAll(`[data-say-${attribute}]`))
      element.setAttribute(attribute, text(element.getAttribute(`data-say-${attribute}`)));
}

/** Shows the whole page in a language, and remembers it. */
export function speak(name) {
  current = name;
  localStorage.setItem(CHOICE, name);
  show();
}

/** Shows the whole page in the present language. */
export function show() {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  translate();
  document.dispatchEvent(new Event("language"));
}

/** A point in time, for people: the time of day, and the day where it is not today. */
export function moment(date) {
  const today = date.toDateString() === new Date().toDateString();
  const style = { timeStyle: "medium", ...(today ? {} : { dateStyle: "medium" }) };
  return new Intl.DateTimeFormat(current, style).format(date);
}

/** How far away a point in time is, for people. */
export function distance(date) {
  const s = Math.round((date - Date.now()) / 1_000);
  const [unit, size] = UNITS.find(([, each]) => Math.abs(s) >= 2 * each) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(current).format(Math.round(s / size), unit);
}

/** A number of whole seconds, in the largest unit that tells it exactly. */
export function wholly(seconds) {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? ["second", 1];
  const format = new Intl.NumberFormat(current, { style: "unit", unit, unitDisplay: "long" });
  return format.format(seconds / size);
}

/** A duration, for people. */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}
