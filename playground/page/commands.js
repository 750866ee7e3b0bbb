// The menu of the bot's commands over the field: it opens with "/", what is typed narrows it.

import { el } from "./dom.js";

/** The listbox of commands. `send(text)` says one, `changed()` is called when the field's text was completed. */
export class CommandMenu {
  constructor(store, field, send, changed) {
    this.store = store;
    this.field = field;
    this.send = send;
    this.changed = changed;
    this.chosen = 0;
    this.found = [];
    this.list = el("ul", { id: "commands", className: "commands", role: "listbox", tabIndex: 0, hidden: true, aria: { label: "Commands" } });
    field.addEventListener("input", () => this.narrow());
    // The list takes the focus too, to be scrolled by keys; they mean the same in both.
    this.list.addEventListener("keydown", (event) => this.pressed(event));
    for (const part of [field, this.list]) part.addEventListener("blur", () => setTimeout(() => this.left(), 150));
  }

  left() {
    if (document.activeElement !== this.field && document.activeElement !== this.list) this.hide();
  }

  narrow() {
    const typed = /^\/([a-z0-9_]*)$/iu.exec(this.field.value);
    this.found = typed ? this.store.state.commands.filter((known) => known.command.startsWith(typed[1].toLowerCase())) : [];
    this.chosen = 0;
    this.show();
  }

  show() {
    const open = this.found.length > 0;
    const rows = this.found.map((known, index) =>
      el(
        "li",
        { id: `command-${index}`, className: "command-row", role: "option", aria: { selected: index === this.chosen }, onpointerdown: (event) => event.preventDefault(), onclick: () => this.say(known) },
        el("span", { className: "command-name" }, `/${known.command}`),
        el("span", { className: "command-words" }, known.description),
      ),
    );
    this.list.replaceChildren(...rows);
    this.list.hidden = !open;
    if (open) this.field.setAttribute("aria-activedescendant", `command-${this.chosen}`);
    else this.field.removeAttribute("aria-activedescendant");
    rows[this.chosen]?.scrollIntoView({ block: "nearest" });
  }

  hide() {
    this.found = [];
    this.show();
  }

  /** Take a key if the menu is open; return whether it was taken. */
  pressed(event) {
    if (this.found.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.chosen = (this.chosen + step + this.found.length) % this.found.length;
      this.show();
    } else if (event.key === "Tab" && !event.shiftKey) {
      this.complete(this.found[this.chosen]);
    } else if (event.key === "Enter" && !event.shiftKey) {
      this.say(this.found[this.chosen]);
    } else if (event.key === "Escape") {
      this.hide();
      this.field.focus();
    } else {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /** Write a command into the field, to go on behind it. */
  complete(known) {
    this.field.value = `/${known.command} `;
    this.hide();
    this.changed();
    this.field.focus();
  }

  // Telegram sends a chosen command at once; the bot then says what is missing behind it, with an example.
  say(known) {
    this.hide();
    this.send(`/${known.command}`);
  }
}
