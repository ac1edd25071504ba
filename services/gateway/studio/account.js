/** The account's side: people, keys, and what people ask about their data. */

import { ask, ifAllowed } from "./api.js";
import { say } from "./language.js";
import { busy, byId } from "./page.js";
import { Keys } from "./keys.js";
import { Members } from "./members.js";
import { Requests } from "./requests.js";

/** Shows the parts that the caller may see; the others stay away. */
export class Account {
  #parts = [new Members(), new Keys(), new Requests()];
  #shown = false;

  constructor() {
    byId("account-again").addEventListener("click", (event) =>
      busy(event.target, () => this.#look()),
    );
  }

  /** The side is shown, or another one is. */
  show(shown) {
    if (shown && !this.#shown) busy(byId("account-again"), () => this.#look());
    this.#shown = shown;
  }

  /** Knows nothing. */
  forget() {
    this.#shown = false;
    for (const part of this.#parts) part.forget();
  }

  async #look() {
    const [account] = await Promise.all([
      ask("GET", "/v1/account"),
      ...this.#parts.map((part) => look(part)),
    ]);
    say(byId("account-name-shown"), "account.name", { name: account.name, id: account.id });
  }
}

async function look(part) {
  const seen = await ifAllowed(part.look().then(() => true));
  part.card.hidden = !seen;
}
