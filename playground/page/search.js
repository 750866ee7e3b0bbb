// Search in the open chat.

import { byId } from "./dom.js";
import { oneLine } from "./words.js";

/** The search bar. `jump(messageId)` shows a match. */
export class Search {
  constructor(store, jump) {
    this.store = store;
    this.jump = jump;
    this.found = [];
    this.at = -1;
    this.bar = byId("search");
    this.field = byId("search-text");
    byId("open-search").onclick = () => (this.bar.hidden ? this.open() : this.close());
    byId("search-close").onclick = () => this.close();
    byId("search-older").onclick = () => this.go(-1);
    byId("search-newer").onclick = () => this.go(1);
    this.field.addEventListener("input", () => this.look());
    this.field.addEventListener("keydown", (event) => this.pressed(event));
  }

  get isOpen() {
    return !this.bar.hidden;
  }

  open() {
    this.bar.hidden = false;
    this.field.focus();
    this.field.select();
    this.look();
  }

  close() {
    if (this.bar.hidden) return;
    this.bar.hidden = true;
    this.found = [];
    byId("compose").focus();
  }

  pressed(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      this.go(event.shiftKey ? 1 : -1);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    }
  }

  look() {
    const wanted = this.field.value.trim().toLocaleLowerCase();
    const here = this.store.inPlace(this.store.chat, this.store.thread);
    const says = (message) => `${oneLine(message)} ${message.from?.first_name ?? ""}`.toLocaleLowerCase();
    this.found = wanted ? here.filter((message) => says(message).includes(wanted)).map((message) => message.message_id) : [];
    this.at = this.found.length;
    if (this.found.length > 0) this.go(-1);
    else byId("search-count").textContent = wanted ? "nothing found" : "";
  }

  go(step) {
    if (this.found.length === 0) return;
    this.at = Math.min(Math.max(this.at + step, 0), this.found.length - 1);
    byId("search-count").textContent = `${this.found.length - this.at} of ${this.found.length}`;
    this.jump(this.found[this.at]);
  }
}
