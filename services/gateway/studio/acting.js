/** How the face looks and what the head does now: sent over the control socket at a click. */

import { byId, inform } from "./page.js";

const EXPRESSION = "vultus.expression";

/** Wires the expression and the actions to one stream. */
export class Acting {
  #control;
  #scope = new AbortController();

  /** `fresh`: the stream was just made, so its face is neutral. */
  constructor(control, fresh) {
    this.#control = control;
    const { signal } = this.#scope;
    if (fresh) sessionStorage.removeItem(EXPRESSION);
    const expression = byId("expression");
    expression.value = sessionStorage.getItem(EXPRESSION) ?? "neutral";
    expression.addEventListener("change", () => this.#look(expression), { signal });
    for (const button of byId("acting").querySelectorAll("[data-action]")) {
      const act = () => this.#send("action", { name: button.dataset.action });
      button.addEventListener("click", act, { signal });
    }
  }

  /** Lets everything go. */
  close() {
    this.#scope.abort();
  }

  #look(expression) {
    if (this.#send("expression", { name: expression.value }))
      sessionStorage.setItem(EXPRESSION, expression.value);
    else expression.value = sessionStorage.getItem(EXPRESSION) ?? "neutral";
  }

  #send(type, fields) {
    if (this.#control.open) this.#control.send(type, fields);
    else inform("stage.reconnecting");
    return this.#control.open;
  }
}
