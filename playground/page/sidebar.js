// The chats that one sees, and the people to speak as.

import { byId, el, fillWith, paintAvatar } from "./dom.js";
import { GENERAL } from "./store.js";
import { oneLine, plainName, service, when } from "./words.js";

/** Shows the list of chats and of people. `open(place)` and `speak(person)` are called on a tap. */
export class Sidebar {
  constructor(store, { open, speak }) {
    this.store = store;
    this.open = open;
    this.speak = speak;
    this.app = byId("app");
    this.drawer = byId("open-drawer");
    this.drawer.onclick = () => this.toggle(true);
    byId("shade").onclick = () => this.toggle(false);
    byId("people").addEventListener("keydown", (event) => this.walk(event));
    matchMedia("(max-width: 720px)").addEventListener("change", () => this.toggle(false));
  }

  get isOpen() {
    return this.app.classList.contains("drawer-open");
  }

  /** Open or close the drawer, which the list is on a narrow screen. */
  toggle(open) {
    const was = this.isOpen;
    this.app.classList.toggle("drawer-open", open);
    byId("shade").hidden = !open;
    byId("chat").inert = open;
    this.drawer.setAttribute("aria-expanded", String(open));
    if (open) byId("chats").querySelector("[aria-current]")?.focus();
    else if (was) this.drawer.focus();
  }

  /** Show everything anew; what had the focus keeps it. */
  show() {
    const held = document.activeElement?.dataset?.key;
    fillWith(byId("chats"), this.store.places().map((place) => this.row(place)));
    fillWith(byId("people"), this.store.people.map((person) => this.personRow(person)));
    if (held) document.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
    const elsewhere = this.store.places().reduce((sum, { chat, thread }) => sum + this.store.unread(chat, thread), 0);
    const badge = byId("drawer-badge");
    badge.hidden = elsewhere === 0;
    badge.textContent = String(elsewhere);
  }

  row(place) {
    const { chat, thread } = place;
    const last = this.store.inPlace(chat, thread).at(-1);
    const unread = this.store.unread(chat, thread);
    const here = chat.id === this.store.chat?.id && thread === this.store.thread;
    const acting = this.store.acting.get(chat.id);
    const typing = acting && acting.until > Date.now() && thread === GENERAL;
    const id = chat.type === "private" ? this.store.bot.id : chat.id + thread;
    const avatar = paintAvatar(el("span"), thread ? "#" : place.title, id, thread ? "topic" : "");
    avatar.setAttribute("aria-hidden", "true");
    const badge = unread > 0 ? el("span", { className: "badge", aria: { label: `${unread} unread` } }, String(unread)) : null;
    return el("li", {}, el(
      "button",
      { type: "button", className: thread ? "chat-row in-forum" : "chat-row", aria: { current: here ? "page" : undefined }, data: { key: `${chat.id}/${thread}` }, onclick: () => this.open(place) },
      avatar,
      el("span", { className: "row-words" },
        el("span", { className: "row-top" }, el("span", { className: "row-title", dir: "auto" }, place.title), last ? el("span", { className: "row-time" }, when(last.date)) : null),
        el("span", { className: "row-bottom" }, el("span", { className: typing ? "row-last typing" : "row-last", dir: "auto" }, typing ? "typing…" : this.preview(chat, last)), badge)),
    ));
  }

  preview(chat, last) {
    if (!last) return "No messages yet";
    const name = this.store.isMine(last) ? "You" : plainName(last.from?.first_name);
    const told = chat.type === "private" || service(last) || !name ? "" : `${name}: `;
    return (told + oneLine(last)).slice(0, 120);
  }

  personRow(person) {
    const mine = person.id === this.store.person?.id;
    const note = this.store.note(person);
    return el(
      "button",
      { type: "button", className: "person", role: "radio", tabIndex: mine ? 0 : -1, aria: { checked: mine }, data: { key: `person/${person.id}` }, onclick: () => this.speak(person) },
      paintAvatar(el("span", { aria: { hidden: true } }), person.first_name, person.id, "small"),
      el("span", { className: "person-name", dir: "auto" }, person.first_name),
      note ? el("span", { className: "person-note" }, note) : null,
    );
  }

  walk(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step || event.altKey) return;
    event.preventDefault();
    const { people } = this.store;
    const index = people.findIndex((person) => person.id === this.store.person.id);
    const next = people[(index + step + people.length) % people.length];
    this.speak(next);
    byId("people").querySelector(`[data-key="person/${next.id}"]`)?.focus();
  }
}
