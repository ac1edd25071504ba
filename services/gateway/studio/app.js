/** Vultus Studio: the door, and the sides behind it. */

import { Account } from "./account.js";
import { ifAllowed, key } from "./api.js";
import { Cast } from "./cast.js";
import { Door } from "./door.js";
import { language, show, speak } from "./language.js";
import { Live } from "./live.js";
import { News } from "./news.js";
import { byId, complain, wireDialogs } from "./page.js";
import { Reviews } from "./reviews.js";
import { Videos } from "./videos.js";

const OTHER = { en: "zh", zh: "en" };
const NAMES = { en: "English", zh: "中文" };
const SIDES = ["live", "videos", "reviews", "account"];

const cast = new Cast();
const live = new Live(cast);
const videos = new Videos(cast);
const reviews = new Reviews();
const account = new Account();
const news = new News();
const door = new Door(async () => {
  await open();
  byId("main").focus({ preventScroll: true });
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

async function open() {
  showDoor(false);
  showSide();
  reviews.start();
  news.start();
  await Promise.all([ifAllowed(cast.load()), ifAllowed(videos.load())]);
  await live.resume();
}

function leave() {
  key.forget();
  live.forget();
  videos.forget();
  reviews.forget();
  account.forget();
  news.forget();
  showDoor(true);
}

function showDoor(on) {
  for (const id of ["work", "tabs", "sign-out"]) byId(id).hidden = on;
  door.show(on);
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
  const inside = byId("door").hidden;
  reviews.show(side === "reviews" && inside, id);
  account.show(side === "account" && inside);
}

function showLanguage() {
  const other = OTHER[language()];
  const button = byId("language");
  button.textContent = NAMES[other];
  button.lang = other;
}
