/** API keys: made, given another secret, ended. */

import { ask } from "./api.js";
import { moment, say } from "./language.js";
import { busy, byId, confirmed, make } from "./page.js";

const PLACE = "/v1/api-keys";

/** The list of keys, and the form that makes another. */
export class Keys {
  card = byId("keys-card");

  constructor() {
    byId("apikey-form").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(event.submitter, () => this.#make(event.target));
    });
  }

  /** Asks which there are. Raises Problem. */
  async look() {
    const { items } = await ask("GET", PLACE);
    const good = items.filter((one) => !one.revoked_at);
    byId("apikeys").replaceChildren(...good.map((one) => this.#line(one)));
  }

  /** Shows none, and no secret. */
  forget() {
    byId("apikeys").replaceChildren();
    byId("secret-shown").hidden = true;
    byId("secret").textContent = "";
  }

  async #make(form) {
    const scopes = byId("apikey-scopes").value.split(/[\s,]+/).filter(Boolean);
    const until = byId("apikey-until").valueAsDate;
    const json = { name: byId("apikey-name").value.trim() };
    if (scopes.length) json.scopes = scopes;
    if (until) json.expires_at = until.toISOString();
    this.#tell(await ask("POST", PLACE, { json }));
    form.reset();
    await this.look();
  }

  async #rotate(one) {
    this.#tell(await ask("POST", `${PLACE}/${one.id}/rotation`, { json: {} }));
    await this.look();
  }

  async #end(one) {
    if (!(await confirmed("keys.sure", { name: one.name }))) return;
    await ask("DELETE", `${PLACE}/${one.id}`);
    await this.look();
  }

  #tell({ secret, name }) {
    byId("secret").textContent = secret;
    say(byId("secret-note"), "keys.told_once", { name });
    byId("secret-shown").hidden = false;
  }

  #line(one) {
    const name = make("strong");
    name.textContent = `${one.name} (${one.prefix}…)`;
    const used = make("span", { class: "note" });
    if (one.last_used_at) say(used, "keys.used", { when: moment(new Date(one.last_used_at)) });
    const ends = make("span", { class: "note" });
    if (one.expires_at) say(ends, "keys.ends", { when: moment(new Date(one.expires_at)) });
    const does = (word, work) =>
      make("button", {
        type: "button",
        class: "quiet",
        say: word,
        on: { click: (event) => busy(event.target, work) },
      });
    return make(
      "li",
      { class: "row" },
      name,
      used,
      ends,
      make("span", { class: "spring" }),
      does("keys.rotate", () => this.#rotate(one)),
      does("keys.end", () => this.#end(one)),
    );
  }
}
