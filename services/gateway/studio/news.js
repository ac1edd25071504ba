/** What the operator tells the account: notices, and a privacy policy that has to be accepted. */

import { ask } from "./api.js";
import { language, moment, say } from "./language.js";
import { busy, byId, complain, make } from "./page.js";

const PARTS = ["situation", "impact", "measures", "remedies", "contact"];
const OTHER = { en: "zh", zh: "en" };
const OPENED = ["policy_acceptance_required"];

/** Looks once somebody has come in, and whenever a call is refused for a policy. */
export class News {
  #notices = [];
  #policy = null;

  constructor() {
    document.addEventListener("language", () => this.#show());
    document.addEventListener("refused", ({ detail }) => {
      if (OPENED.includes(detail.code)) this.start();
    });
    byId("policy-accept").addEventListener("click", (event) =>
      busy(event.target, () => this.#accept()),
    );
    byId("policy-read").addEventListener("click", () => byId("policy-dialog").showModal());
  }

  /** Asks for what is new; whoever may not see it is told nothing. */
  async start() {
    try {
      const [unread, accepted] = await Promise.all([
        ask("GET", "/v1/notices?unread=true"),
        ask("GET", "/v1/privacy-policy/acceptances"),
      ]);
      this.#notices = unread.items;
      const awaited = accepted.to_accept;
      this.#policy = awaited
        ? await ask("GET", `/v1/privacy-policy?version=${encodeURIComponent(awaited)}`)
        : null;
    } catch (problem) {
      if (problem.status === 401) return;
      if (problem.status !== 403) complain(problem);
    }
    this.#show();
  }

  /** Knows nothing. */
  forget() {
    this.#notices = [];
    this.#policy = null;
    this.#show();
  }

  #show() {
    byId("news").replaceChildren(...this.#notices.map((notice) => this.#card(notice)));
    byId("news").hidden = !this.#notices.length;
    byId("policy").hidden = !this.#policy;
    if (!this.#policy) return;
    say(byId("policy-title"), "policy.title", { version: this.#policy.version });
    byId("policy-changes").replaceChildren(
      ...this.#policy.changes.map(({ kind, summaries }) => {
        const item = make("li", {}, make("strong", { say: `policy.${kind}` }), " ");
        item.append(told(summaries));
        return item;
      }),
    );
    byId("policy-text").textContent = told(this.#policy.texts);
  }

  #card(notice) {
    const text = told(notice.texts);
    const [title, when] = [make("h3"), make("p", { class: "note" })];
    title.textContent = text.title;
    when.textContent = moment(new Date(notice.sent_at));
    const parts = PARTS.filter((part) => text[part]).map((part) => {
      const line = make("p", { class: "written" }, make("strong", { say: `news.${part}` }), " ");
      line.append(text[part]);
      return line;
    });
    const read = make("button", {
      type: "button",
      say: "news.read",
      on: { click: (event) => busy(event.target, () => this.#read(notice)) },
    });
    return make("article", { class: "card" }, title, when, ...parts, read);
  }

  async #read(notice) {
    await ask("POST", `/v1/notices/${notice.id}/receipt`);
    this.#notices = this.#notices.filter((one) => one !== notice);
    this.#show();
  }

  async #accept() {
    const { version } = this.#policy;
    await ask("POST", "/v1/privacy-policy/acceptances", { json: { version } });
    byId("policy-dialog").close();
    await this.start();
  }
}

/** A text in the reader's language, or in the one that there is. */
function told(texts) {
  return texts[language()] ?? texts[OTHER[language()]] ?? "";
}
