/** Who acts for the account, and as what. */

import { ask } from "./api.js";
import { moment } from "./language.js";
import { busy, byId, confirmed, make } from "./page.js";

const PLACE = "/v1/members";
const ROLES = ["owner", "developer", "reviewer", "auditor"];

/** The list of members, and the form that invites another. */
export class Members {
  card = byId("members-card");

  constructor() {
    byId("member-form").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(event.submitter, () => this.#invite(event.target));
    });
  }

  /** Asks who there is. Raises Problem. */
  async look() {
    const { items } = await ask("GET", PLACE);
    byId("members").replaceChildren(...items.map((member) => this.#line(member)));
  }

  /** Shows nobody. */
  forget() {
    byId("members").replaceChildren();
  }

  async #invite(form) {
    const [phone, role] = [byId("member-phone").value.trim(), byId("member-role").value];
    await ask("POST", PLACE, { json: { phone, role } });
    form.reset();
    await this.look();
  }

  #line(member) {
    const name = make("strong");
    name.textContent = member.user_name ?? member.phone;
    const since = make("span", { class: "note" });
    since.textContent = moment(new Date(member.since));
    const role = make(
      "select",
      { "data-say-aria-label": "members.role", on: { change: () => this.#change(member, role) } },
      ...ROLES.map((one) => make("option", { value: one, say: `role.${one}` })),
    );
    role.value = member.role;
    const remove = make("button", {
      type: "button",
      class: "quiet",
      say: "members.remove",
      on: { click: (event) => busy(event.target, () => this.#remove(member)) },
    });
    const state = make("span", { class: "note", say: `members.${member.status}` });
    return make("li", { class: "row" }, name, state, since, make("span", { class: "spring" }), role, remove);
  }

  async #change(member, role) {
    await busy(role, () => ask("PATCH", `${PLACE}/${member.id}`, { json: { role: role.value } }));
    await busy(role, () => this.look());
  }

  async #remove(member) {
    if (!(await confirmed("members.sure", { name: member.user_name ?? member.phone }))) return;
    await ask("DELETE", `${PLACE}/${member.id}`);
    await this.look();
  }
}
