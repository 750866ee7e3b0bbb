// What can be done with a message: by its button, a right click, a tap on a phone, or its keys.

import { shownEmoji } from "./bubble.js";
import { byId, el } from "./dom.js";
import { closeMenu, openMenu } from "./menu.js";
import { service } from "./words.js";

const QUICK = ["👍", "❤", "🔥", "🎉", "👀", "😢"];

export class MessageMenu {
  constructor(app) {
    this.app = app;
    const scroller = byId("scroller");
    scroller.addEventListener("contextmenu", (event) => this.clicked(event));
    scroller.addEventListener("click", (event) => {
      if (matchMedia("(hover: none)").matches) this.clicked(event);
    });
    scroller.addEventListener("dblclick", (event) => {
      const message = this.messageAt(event);
      if (message && getSelection().isCollapsed) this.app.composer.reply(message);
    });
  }

  /** Open the menu of a message at an element or a point. */
  open(message, at) {
    const shown = byId(`message-${message.message_id}`);
    openMenu(at, shown, this.items(message), this.quick(message));
  }

  /** Take a key on a message that has the focus. */
  pressed(shown, event) {
    const message = this.app.store.find(this.app.store.chat.id, Number(shown.dataset.message));
    if (!message) return;
    const mine = this.app.store.isMine(message);
    const keys = {
      Enter: () => this.open(message, shown),
      " ": () => this.open(message, shown),
      ContextMenu: () => this.open(message, shown),
      F10: () => event.shiftKey && this.open(message, shown),
      r: () => this.app.composer.reply(message),
      e: () => mine && this.app.composer.edit(message),
      f: () => this.app.forward(message),
      c: () => this.app.copy(message.text ?? message.caption ?? ""),
      Escape: () => byId("compose").focus(),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  clicked(event) {
    const message = this.messageAt(event);
    if (!message || !getSelection().isCollapsed) return;
    event.preventDefault();
    this.open(message, { x: event.clientX, y: event.clientY });
  }

  messageAt(event) {
    if (event.target.closest("a, button, code, pre, .expandable")) return null;
    const shown = event.target.closest(".message");
    const message = shown && this.app.store.find(this.app.store.chat.id, Number(shown.dataset.message));
    return message && !service(message) ? message : null;
  }

  items(message) {
    const { app } = this;
    const text = message.text ?? message.caption ?? "";
    const mine = app.store.isMine(message);
    const rules = ["creator", "administrator"].includes(app.store.status(app.store.chat, app.store.person));
    return [
      { label: "Reply", icon: "reply", keys: "R", does: () => app.composer.reply(message) },
      mine ? { label: "Edit", icon: "edit", keys: "E", does: () => app.composer.edit(message) } : null,
      text ? { label: "Copy text", icon: "copy", keys: "C", does: () => app.copy(text) } : null,
      { label: "Forward", icon: "forward", keys: "F", does: () => app.forward(message) },
      mine || rules ? { label: "Delete", icon: "delete", danger: true, does: () => app.remove(message) } : null,
    ].filter(Boolean);
  }

  quick(message) {
    const mine = message.reactions?.find(([person]) => person === this.app.store.person.id)?.[1];
    const made = QUICK.map((emoji) =>
      el(
        "button",
        { type: "button", className: emoji === mine ? "quick emoji mine" : "quick emoji", tabIndex: -1, aria: { label: `React with ${emoji}`, pressed: emoji === mine }, onclick: () => {
          closeMenu(true);
          this.app.react(message, emoji === mine ? null : emoji);
        } },
        shownEmoji(emoji),
      ),
    );
    return el("div", { className: "quick-row", role: "group", aria: { label: "React" } }, made);
  }
}
