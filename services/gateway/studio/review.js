/** One review on its card: what it is about, why a person was asked, and the decision. */

import { ask } from "./api.js";
import { Exhibit, toMark } from "./exhibit.js";
import { found, named } from "./findings.js";
import { distance, moment, say, text, translate } from "./language.js";
import { busy, complain, make } from "./page.js";

const MAX_NOTE = "1000";
const BOTH = ["approve", "reject"];
const OPPOSITE = { approved: "reject", rejected: "approve" };
const LOOKS = { approve: "primary", reject: "danger" };

/** A card. `decide(card, body)` sends what was decided. */
export class ReviewCard {
  #review;
  #decide;
  #exhibit;
  #title = make("h3");
  #chip = make("span", { class: "chip" });
  #due = make("p", { class: "due" });
  #found = make("div");
  #choice = make("div");
  #past = make("details", {}, make("summary", { say: "review.history" }));
  #events = make("ol", { class: "history" });
  #body;

  constructor(review, decide) {
    this.#review = review;
    this.#decide = decide;
    this.#exhibit = new Exhibit(review);
    this.#title.id = `title-${review.id}`;
    this.#body = make(
      "article",
      { class: "card review", tabindex: "-1", "aria-labelledby": this.#title.id },
      make("div", { class: "row" }, this.#title, this.#chip),
      this.#exhibit.root,
      make("h4", { say: "review.found" }),
      this.#found,
      this.#due,
      this.#choice,
      this.#past,
    );
    this.item = make("li", {}, this.#body);
    this.#past.append(this.#events);
    this.#past.addEventListener("toggle", () => this.#fetchHistory());
    this.#choose();
    this.show();
  }

  get id() {
    return this.#review.id;
  }

  /** Whether a person is still waited for, as far as the page knows. */
  get pending() {
    return this.#review.status === "pending";
  }

  /** Gives its memory back. */
  close() {
    this.#exhibit.close();
    this.item.remove();
  }

  /** It was put into the page. */
  placed() {
    translate(this.item);
    toMark(this.item);
  }

  /** Goes there, by the keyboard as well. */
  focus() {
    this.#body.focus();
    this.item.scrollIntoView({ block: "start" });
  }

  /** Stays here when what had the focus is gone. */
  keepFocus() {
    if (document.activeElement === document.body) this.#body.focus({ preventScroll: true });
  }

  /** Takes what the server tells; what was decided is never undecided again. */
  take(review) {
    const before = this.#review;
    if (before.decided && !review.decided) return;
    const kept = before.decided_at === review.decided_at ? before.decisions : undefined;
    const now = { ...review, decisions: review.decisions ?? kept };
    if (same(before, now)) return;
    this.#review = now;
    if (before.status !== now.status || before.decided_at !== now.decided_at) this.#choose();
    if (!same(contentOf(before), contentOf(now))) this.#exhibitAgain();
    this.show();
    translate(this.item);
  }

  /** Shows it in the present language. */
  show() {
    const { kind, purpose, status, categories, text: written } = this.#review;
    this.#body.dataset.status = this.pending ? "held" : status;
    this.#title.textContent = text("review.title", {
      kind: text(`kind.${kind}`),
      purpose: named(`purpose.${purpose}`, purpose),
    });
    say(this.#chip, `reviews.${status}`);
    this.#found.replaceChildren(found(categories, written));
    this.tick();
    this.#events.replaceChildren(...this.#history());
    this.#fetchHistory();
  }

  /** Shows how much time there is. */
  tick() {
    this.#due.hidden = !this.pending;
    if (!this.pending) return;
    const due = new Date(this.#review.due_at);
    const name = `review.due_${this.#review.otherwise}`;
    this.#due.textContent =
      due > new Date() ? text(name, { time: moment(due), left: distance(due) }) : text("review.over");
  }

  #exhibitAgain() {
    const old = this.#exhibit;
    this.#exhibit = new Exhibit(this.#review);
    old.root.replaceWith(this.#exhibit.root);
    old.close();
    toMark(this.item);
  }

  /** What can be decided now. */
  #choose() {
    const { status } = this.#review;
    if (this.pending) {
      this.#choice.replaceChildren(this.#form(BOTH));
      return;
    }
    const summary = make("summary", { say: "review.otherwise" });
    const note = make("p", { class: "note", say: "review.otherwise_note" });
    this.#choice.replaceChildren(make("details", {}, summary, note, this.#form([OPPOSITE[status]])));
  }

  #form(decisions) {
    const { text: written, use_for_training: train } = this.#review;
    const note = make("input", { type: "text", maxlength: MAX_NOTE, autocomplete: "off" });
    const tick = make("input", { type: "checkbox" });
    tick.checked = train;
    const form = make("form", { class: "decision" });
    form.append(make("label", {}, make("span", { say: "review.note" }), note));
    if (written !== null)
      form.append(make("label", { class: "tick" }, tick, make("span", { say: "review.train" })));
    const row = make("div", { class: "row" });
    for (const decision of decisions)
      row.append(
        make("button", {
          type: "button",
          class: LOOKS[decision],
          say: `review.${decision}`,
          "aria-describedby": this.#title.id,
          on: {
            click: ({ currentTarget: button }) => {
              const body = { decision };
              if (note.value.trim()) body.note = note.value.trim();
              if (written !== null) body.use_for_training = tick.checked;
              busy(button, () => this.#decide(this, body));
            },
          },
        }),
      );
    form.append(row);
    // Enter in the note decides nothing.
    form.addEventListener("submit", (event) => event.preventDefault());
    return form;
  }

  /** The decisions are asked for when somebody wants to see them. */
  async #fetchHistory() {
    if (!this.#past.open || this.#review.decisions) return;
    try {
      this.take(await ask("GET", `/v1/moderation/reviews/${this.id}`));
    } catch (problem) {
      complain(problem);
    }
  }

  /** How it came to stand as it does. */
  #history() {
    const review = this.#review;
    const events = [said("review.begun", { time: moment(new Date(review.created_at)) })];
    for (const { status, decided_at: at, author, note } of review.decisions ?? [])
      events.push(said(`review.decided_${status}`, { time: moment(new Date(at)), author }, note));
    if (!review.decided && !this.pending)
      events.push(said(`review.lapsed_${review.status}`, { time: moment(new Date(review.due_at)) }));
    events.push(said("review.judged_by", { version: review.policy_version }));
    return events;
  }
}

function contentOf({ text: written, content_url: url, categories }) {
  return [written, url, categories];
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function said(name, values, note) {
  const item = make("li", { class: "note" });
  item.textContent = text(name, values);
  if (!note) return item;
  const quote = make("q");
  quote.textContent = note;
  item.append(" ", quote);
  return item;
}
