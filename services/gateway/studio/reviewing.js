/** How people are asked, as the account's policy says: whether at all, how long, and what then. */

import { ask } from "./api.js";
import { wholly } from "./language.js";
import { busy, byId, inform, make } from "./page.js";

const PLACE = "/v1/moderation/policy";
const LIMITS_S = {
  jobs: [3_600, 8 * 3_600, 86_400, 3 * 86_400, 7 * 86_400],
  live: [15, 30, 60, 120, 300, 600],
};

/** The part of the policy that is about people. */
export class Reviewing {
  #policy = null;

  constructor() {
    byId("reviewing-form").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(event.submitter, () => this.#save());
    });
    document.addEventListener("language", () => this.#name());
  }

  /** Asks for the policy unless it is known. */
  async learn(signal) {
    if (!this.#policy) this.#take(await ask("GET", PLACE, { signal }));
  }

  /** Knows nothing. */
  forget() {
    this.#policy = null;
    byId("reviewing").hidden = byId("reviews-off").hidden = true;
  }

  #take(policy) {
    this.#policy = policy;
    const { enabled, ...parts } = policy.reviewing;
    byId("reviews-off").hidden = enabled;
    byId("reviewing-on").checked = enabled;
    for (const [name, { time_limit_s: limitS, otherwise }] of Object.entries(parts)) {
      const [limit, after] = byId(`reviewing-${name}`).elements;
      const limits = [...new Set([...LIMITS_S[name], limitS])].sort((a, b) => a - b);
      limit.replaceChildren(...limits.map((s) => make("option", { value: s })));
      [limit.value, after.value] = [limitS, otherwise];
    }
    this.#name();
    byId("reviewing").hidden = false;
  }

  #name() {
    for (const name of Object.keys(LIMITS_S))
      for (const option of byId(`reviewing-${name}`).elements.limit.options)
        option.textContent = wholly(Number(option.value));
  }

  /** All else of the policy stays; nothing is kept when someone else changed it meanwhile. */
  async #save() {
    const { version, author, created_at: createdAt, ...rest } = this.#policy;
    const reviewing = { enabled: byId("reviewing-on").checked };
    for (const name of Object.keys(LIMITS_S)) {
      const [limit, after] = byId(`reviewing-${name}`).elements;
      reviewing[name] = { time_limit_s: Number(limit.value), otherwise: after.value };
    }
    try {
      this.#take(await ask("PUT", PLACE, { json: { ...rest, reviewing }, version }));
      inform("reviewing.saved");
    } catch (problem) {
      if (problem.code === "conflict") this.#take(await ask("GET", PLACE));
      throw problem;
    }
  }
}
