/** Vultus Studio: the key at the door, and the two sides behind it. */

import { ask, key } from "./api.js";
import { Cast } from "./cast.js";
import { language, say, show, speak } from "./language.js";
import { Live } from "./live.js";
import { busy, byId, complain, problemText, wireDialogs } from "./page.js";
import { Reviews } from "./reviews.js";
import { Videos } from "./videos.js";

const OTHER = { en: "zh", zh: "en" };
const NAMES = { en: "English", zh: "中文" };
const SIDES = ["live", "videos", "reviews"];

const cast = new Cast();
const live = new Live(cast);
const videos = new Videos(cast);
const reviews = new Reviews();

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.submitter ?? byId("key"), enter);
});
byId("sign-out").addEventListener("click", leave);
byId("language").addEventListener("click", () => speak(OTHER[language()]));
document.addEventListener("language", showLanguage);
document.addEventListener("locked", () => {
  if (!byId("work").hidden) leave();
});
window.addEventListener("hashchange", showSide);
wireDialogs();
show();
if (key.get()) open().catch(complain);
else showDoor(true);

async function enter() {
  const given = byId("key").value.trim();
  if (!key.wellFormed(given)) {
    refuse("door.empty");
    return;
  }
  key.set(given);
  try {
    await ask("GET", "/v1/account");
  } catch (problem) {
    key.forget();
    if (problem.status === 401) refuse("door.wrong");
    else {
      const { title, detail } = problemText(problem);
      byId("key-error").textContent = [title, detail].filter(Boolean).join(": ");
    }
    return;
  }
  byId("key-form").reset();
  await open();
  byId("main").focus({ preventScroll: true });
}

function refuse(name) {
  say(byId("key-error"), name);
  byId("key").focus();
}

async function open() {
  showDoor(false);
  showSide();
  reviews.start();
  await Promise.all([cast.load(), videos.load()]);
  await live.resume();
}

function leave() {
  key.forget();
  live.forget();
  videos.forget();
  reviews.forget();
  showDoor(true);
}

function showDoor(on) {
  byId("door").hidden = !on;
  for (const id of ["work", "tabs", "sign-out"]) byId(id).hidden = on;
  say(byId("key-error"), "");
  if (on) byId("key").focus();
}

function showSide() {
  const [wanted, id] = location.hash.slice(1).split("/");
  const side = SIDES.includes(wanted) ? wanted : SIDES[0];
  byId("work").dataset.side = side;
  for (const each of SIDES) byId(`${each}-view`).hidden = each !== side;
  for (const link of byId("tabs").children) {
    if (link.hash === `#${side}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  reviews.show(side === "reviews" && byId("door").hidden, id);
}

function showLanguage() {
  const other = OTHER[language()];
  const button = byId("language");
  button.textContent = NAMES[other];
  button.lang = other;
}
