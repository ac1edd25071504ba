/** What waits for a person, and what people decided: listed, followed, decided. */

import { ask, pause } from "./api.js";
import { say } from "./language.js";
import { byId, complain, inform } from "./page.js";
import { ReviewCard } from "./review.js";
import { Reviewing } from "./reviewing.js";

const PLACE = "/v1/moderation/reviews";
const PAGE = 20;
const LOOK_MS = 5_000;
const ASIDE_LOOK_MS = 15_000;
const TICK_MS = 1_000;

/** The reviews of the account. It looks for new ones while the page is visible. */
export class Reviews {
  #cards = new Map();
  #status = "pending";
  #pages = 1;
  #listed = false;
  #shown = false;
  #started = false;
  #told = false;
  #wanted = "";
  #reviewing = new Reviewing();
  #scope = new AbortController();
  #clock = null;

  constructor() {
    for (const radio of byId("reviews-which").elements)
      radio.addEventListener("change", () => this.#turn(radio.value));
    byId("reviews-more").addEventListener("click", () => {
      this.#pages += 1;
      this.#listed = false;
      this.#go();
    });
    document.addEventListener("visibilitychange", () => this.#go());
    document.addEventListener("reviewed", () => this.#go());
    document.addEventListener("language", () => this.#again());
  }

  /** Somebody has come in. */
  start() {
    this.#started = true;
    this.#go();
  }

  /** Shows nothing and looks for nothing. */
  forget() {
    this.#started = this.#shown = false;
    this.#reviewing.forget();
    this.#scope.abort();
    clearInterval(this.#clock);
    this.#clear();
    byId("reviews-count").hidden = true;
  }

  /** The side is shown, or another one is; `id`: a review to go to. */
  show(shown, id = "") {
    this.#shown = shown;
    this.#wanted = id;
    // The same link leads there once more.
    if (shown && id) history.replaceState(null, "", "#reviews");
    if (this.#started) this.#go();
  }

  #turn(status) {
    this.#status = status;
    for (const radio of byId("reviews-which").elements) radio.checked = radio.value === status;
    this.#clear();
    this.#go();
  }

  #clear() {
    for (const card of this.#cards.values()) card.close();
    this.#cards.clear();
    this.#pages = 1;
    this.#listed = false;
    byId("reviews-none").hidden = byId("reviews-more").hidden = true;
  }

  #again() {
    for (const card of this.#cards.values()) card.show();
  }

  /** Looks now, and again and again as long as somebody can see it. */
  #go() {
    this.#scope.abort();
    clearInterval(this.#clock);
    if (!this.#started || document.hidden) return;
    this.#scope = new AbortController();
    this.#follow(this.#scope.signal);
    if (this.#shown)
      this.#clock = setInterval(() => {
        for (const card of this.#cards.values()) card.tick();
      }, TICK_MS);
  }

  async #follow(signal) {
    while (!signal.aborted) {
      try {
        await this.#look(signal);
        this.#told = false;
      } catch (problem) {
        if (signal.aborted || problem.status === 401) return;
        if (this.#shown && !this.#told) complain(problem);
        this.#told = true;
      }
      await pause(this.#shown ? LOOK_MS : ASIDE_LOOK_MS, signal);
    }
  }

  async #look(signal) {
    const waiting = await this.#pagesOf("pending", this.#status === "pending" ? this.#pages : 1, signal);
    this.#count(waiting);
    if (!this.#shown) return;
    await this.#reviewing.learn(signal);
    if (this.#status === "pending") {
      this.#list(waiting);
      await this.#settle(waiting, signal);
    } else if (!this.#listed) {
      this.#list(await this.#pagesOf(this.#status, this.#pages, signal));
    }
    if (this.#wanted) await this.#find(signal);
  }

  async #pagesOf(status, count, signal) {
    const items = [];
    let cursor = "";
    for (let page = 0; page < count; page += 1) {
      const query = new URLSearchParams({ status, limit: PAGE, cursor });
      const part = await ask("GET", `${PLACE}?${query}`, { signal });
      items.push(...part.items);
      cursor = part.next_cursor;
      if (!cursor) break;
    }
    return { items, more: Boolean(cursor) };
  }

  #count({ items, more }) {
    const badge = byId("reviews-count");
    badge.hidden = !items.length;
    badge.textContent = more ? `${items.length}+` : items.length;
  }

  #list({ items, more }) {
    for (const review of items) this.#take(review);
    this.#listed = true;
    byId("reviews-more").hidden = !more;
    this.#showNone();
  }

  #showNone() {
    const none = byId("reviews-none");
    none.hidden = this.#cards.size > 0;
    say(none, `reviews.none_${this.#status}`);
  }

  #take(review) {
    const known = this.#cards.get(review.id);
    if (known) {
      known.take(review);
      return known;
    }
    const card = new ReviewCard(review, (...decision) => this.#decide(...decision));
    // Ids grow with time: newest first.
    const older = [...this.#cards.values()].filter((one) => one.id < card.id);
    const next = older.reduce((last, one) => (!last || one.id > last.id ? one : last), null);
    byId("reviews").insertBefore(card.item, next?.item ?? null);
    this.#cards.set(review.id, card);
    card.placed();
    return card;
  }

  /** What waits no more, since someone else decided or its time is over, is shown as it stands. */
  async #settle({ items, more }, signal) {
    const ids = new Set(items.map((review) => review.id));
    const oldest = more ? items.at(-1).id : "";
    for (const card of [...this.#cards.values()]) {
      if (!card.pending || ids.has(card.id) || card.id < oldest) continue;
      try {
        card.take(await ask("GET", `${PLACE}/${card.id}`, { signal }));
      } catch (problem) {
        if (problem.status !== 404) throw problem;
        this.#drop(card);
      }
    }
  }

  #drop(card) {
    card.close();
    this.#cards.delete(card.id);
    this.#showNone();
  }

  /** Goes to the review that a link named, among those that stand where it stands. */
  async #find(signal) {
    const id = this.#wanted;
    const review = await ask("GET", `${PLACE}/${encodeURIComponent(id)}`, { signal }).catch((problem) => {
      if (!signal.aborted) this.#wanted = "";
      throw problem;
    });
    if (review.status !== this.#status && !this.#cards.has(id)) {
      this.#turn(review.status);
      return;
    }
    this.#wanted = "";
    const card = this.#take(review);
    this.#showNone();
    card.focus();
  }

  async #decide(card, body) {
    const review = await ask("POST", `${PLACE}/${card.id}/decisions`, { json: body });
    card.take(review);
    card.keepFocus();
    inform(`review.now_${review.status}`);
    this.#go();
  }
}
