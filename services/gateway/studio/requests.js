/** What is asked about the account's data: a report, an archive, a restriction. */

import { ask, call } from "./api.js";
import { language, moment, say } from "./language.js";
import { busy, byId, download, make } from "./page.js";

const PLACE = "/v1/privacy/requests";

/** The list of requests, and the form that makes one. */
export class Requests {
  card = byId("requests-card");

  constructor() {
    byId("request-form").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(event.submitter, () => this.#make());
    });
  }

  /** Asks which there are. Raises Problem. */
  async look() {
    const { items } = await ask("GET", `${PLACE}?limit=20`);
    byId("requests").replaceChildren(...items.map((request) => this.#line(request)));
  }

  /** Shows none. */
  forget() {
    byId("requests").replaceChildren();
  }

  async #make() {
    const kind = byId("request-kind").value;
    await ask("POST", PLACE, { json: { kind, about: { account: true } } });
    await this.look();
  }

  #line(request) {
    const kind = make("strong", { say: `request.${request.kind}` });
    const state = make("span", { class: "note", say: `request.${request.state}` });
    const due = make("span", { class: "note" });
    if (request.due_at && !request.ended_at)
      say(due, "request.due", { when: moment(new Date(request.due_at)) });
    const line = make("li", { class: "row" }, kind, state, due, make("span", { class: "spring" }));
    if (request.reason) line.append(reason(request.reason));
    if (request.state === "identity_pending") line.append(...this.#proof(request));
    if (request.archive)
      line.append(this.#button("request.fetch", () => this.#fetch(request)));
    if (!request.ended_at) line.append(this.#button("request.cancel", () => this.#cancel(request)));
    return line;
  }

  #proof(request) {
    const code = make("input", {
      type: "text",
      inputmode: "numeric",
      autocomplete: "one-time-code",
      maxlength: 6,
      "data-say-aria-label": "door.code",
    });
    const prove = this.#button("request.prove", async () => {
      await ask("POST", `${PLACE}/${request.id}/identity`, { json: { code: code.value.trim() } });
      await this.look();
    });
    return [this.#button("door.send", () => this.#send()), code, prove];
  }

  async #send() {
    const { phone } = await ask("GET", "/v1/me");
    const json = { phone, purpose: "privacy_request", language: language() };
    await ask("POST", "/v1/codes", { token: "", json });
  }

  async #fetch(request) {
    const answer = await call("GET", `${PLACE}/${request.id}/archive`);
    download(await answer.blob(), `${request.id}.zip`);
  }

  async #cancel(request) {
    await ask("DELETE", `${PLACE}/${request.id}`);
    await this.look();
  }

  #button(word, work) {
    return make("button", {
      type: "button",
      class: "quiet",
      say: word,
      on: { click: (event) => busy(event.target, work) },
    });
  }
}

function reason(told) {
  const quote = make("q");
  quote.textContent = told;
  return quote;
}
