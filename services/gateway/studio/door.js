/** The door: an API key, or a phone and a one-time code; with these also a new account. */

import { ask, key } from "./api.js";
import { language, say } from "./language.js";
import { busy, byId, problemText } from "./page.js";

const CODE = /^\d{6}$/;

/** Lets somebody in; `opened` is called once they are. */
export class Door {
  #opened;

  constructor(opened) {
    this.#opened = opened;
    byId("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(event.submitter ?? byId("key"), () => this.#byKey());
    });
    byId("phone-form").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(event.submitter ?? byId("phone"), () => this.#byPhone());
    });
    byId("code-send").addEventListener("click", (event) => busy(event.target, () => this.#send()));
    byId("account-new").addEventListener("change", () => this.#showNew());
    byId("account-new-fields").hidden = true;
  }

  /** Shows the door, or what is behind it. */
  show(on) {
    byId("door").hidden = !on;
    for (const id of ["key-error", "phone-error"]) say(byId(id), "");
    if (on) byId("key").focus();
  }

  async #byKey() {
    const given = byId("key").value.trim();
    if (!key.wellFormed(given)) {
      this.#refuse("key", "door.empty");
      return;
    }
    key.set(given);
    try {
      await ask("GET", "/v1/account");
    } catch (problem) {
      key.forget();
      if (problem.status === 401) this.#refuse("key", "door.wrong");
      else this.#tell("key", problem);
      return;
    }
    byId("key-form").reset();
    await this.#opened();
  }

  async #send() {
    const purpose = this.#isNew ? "sign_up" : "sign_in";
    try {
      await ask("POST", "/v1/codes", {
        token: "",
        json: { phone: byId("phone").value.trim(), purpose, language: language() },
      });
      say(byId("phone-error"), "door.sent");
      byId("code").focus();
    } catch (problem) {
      this.#tell("phone", problem);
    }
  }

  async #byPhone() {
    const told = { phone: byId("phone").value.trim(), code: byId("code").value.trim() };
    if (!CODE.test(told.code)) {
      this.#refuse("phone", "door.no_code");
      return;
    }
    try {
      const session = await ask("POST", ...this.#entry(told));
      key.set(session.token);
    } catch (problem) {
      this.#tell("phone", problem);
      return;
    }
    byId("phone-form").reset();
    this.#showNew();
    await this.#opened();
  }

  #entry(told) {
    if (this.#isNew) {
      const [name, kind] = [byId("account-name").value.trim(), byId("account-kind").value];
      return ["/v1/accounts", { token: "", json: { ...told, kind, name } }];
    }
    const account = byId("account-id").value.trim();
    const json = account ? { ...told, account_id: account } : told;
    return ["/v1/sessions", { token: "", json }];
  }

  get #isNew() {
    return byId("account-new").checked;
  }

  #showNew() {
    byId("account-new-fields").hidden = !this.#isNew;
    byId("account-old-fields").hidden = this.#isNew;
  }

  #refuse(which, name) {
    say(byId(`${which}-error`), name);
    byId(which === "key" ? "key" : "code").focus();
  }

  #tell(which, problem) {
    const { title, detail } = problemText(problem);
    byId(`${which}-error`).textContent = [title, detail].filter(Boolean).join(": ");
  }
}
