// The messages of the open place: filled at once, changed piece by piece, and kept at its end while one reads there.

import { elementId, sender } from "./bubble.js";
import { byId, el } from "./dom.js";
import { day, dayKey, service } from "./words.js";

const TOGETHER_SECONDS = 300;
const NEAR_END_PIXELS = 60;

/** Shows one place. `onRead` is called when its end is seen. */
export class Timeline {
  constructor(store, bubbles, { welcome, onRead, menu }) {
    this.store = store;
    this.bubbles = bubbles;
    this.welcome = welcome;
    this.onRead = onRead;
    this.menu = menu;
    this.scroller = byId("scroller");
    this.list = null;
    this.atEnd = true;
    this.unseen = 0;
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "region");
    this.scroller.setAttribute("aria-label", "Conversation");
    this.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.scroller.addEventListener("keydown", (event) => this.pressed(event));
    // Who clicked into a message and writes on means the field below; who walked to it by keys means the message.
    this.walking = false;
    this.scroller.addEventListener("pointerdown", () => (this.walking = false));
    // The end stays in sight while pictures load, cards grow, or the window changes.
    const sized = new ResizeObserver(() => this.atEnd && this.toEnd());
    sized.observe(this.scroller);
    this.sized = sized;
    byId("newest").onclick = () => this.toEnd();
    addEventListener("focus", () => this.scrolled());
    document.addEventListener("visibilitychange", () => this.scrolled());
  }

  /** Show the open place from its end. */
  open() {
    if (this.list) this.sized.unobserve(this.list);
    // Filled before it is put in, so that a screen reader doesn't read all of it.
    this.list = el("div", { className: "messages", role: "log", aria: { live: "polite", relevant: "additions", label: "Messages" } });
    const messages = this.store.inPlace(this.store.chat, this.store.thread);
    let before = null;
    for (const message of messages) {
      this.append(message, before);
      before = message;
    }
    if (!messages.some((message) => !service(message))) this.list.append(this.welcome());
    this.scroller.replaceChildren(this.list);
    this.sized.observe(this.list);
    this.unseen = 0;
    this.atEnd = true;
    this.toEnd();
  }

  /** Show what happened to a message of the open place. */
  update(message, gone) {
    const shown = byId(elementId(message));
    if (gone) return this.remove(shown);
    if (shown) {
      if (shown.classList.contains("message")) this.bubbles.fill(shown, message);
      return undefined;
    }
    this.list.querySelector(".welcome")?.remove();
    const all = this.store.inPlace(this.store.chat, this.store.thread);
    const index = all.findIndex((other) => other.message_id === message.message_id);
    this.append(message, all[index - 1] ?? null);
    if (this.atEnd || this.store.isMine(message)) this.toEnd();
    else this.unseen += 1;
    this.scrolled();
    return undefined;
  }

  /** Set the ticks of what the bot has taken. */
  refreshTicks() {
    for (const ticks of this.list.querySelectorAll(".ticks:not(.taken)")) {
      const shown = ticks.closest(".message");
      const message = this.store.find(this.store.chat.id, Number(shown.dataset.message));
      if (message && !this.store.isWaiting(message)) this.bubbles.fill(shown, message);
    }
  }

  /** Bring a message into sight and mark it for a moment; return whether it is here. */
  show(messageId) {
    const shown = byId(`message-${messageId}`);
    if (!shown) return false;
    this.center(shown, 4);
    shown.classList.remove("shown");
    void shown.offsetWidth;
    shown.classList.add("shown");
    return true;
  }

  // What comes into sight gets its true height only then, which moves what is behind it.
  center(shown, times) {
    shown.scrollIntoView({ block: "center" });
    if (times > 1) requestAnimationFrame(() => this.center(shown, times - 1));
  }

  /** Go to the newest message. */
  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.atEnd = true;
    this.scrolled();
  }

  append(message, before) {
    if (!before || dayKey(before.date) !== dayKey(message.date)) {
      const date = el("span", { className: "service-text" }, day(message.date));
      this.list.append(el("div", { className: "service date" }, date));
    }
    const made = this.bubbles.make(message);
    const previous = this.list.lastElementChild;
    if (before && together(before, message) && previous?.classList.contains("message")) {
      previous.classList.remove("last");
      made.classList.add("last");
    } else {
      made.classList.add("first", "last");
    }
    this.list.append(made);
  }

  remove(shown) {
    if (!shown) return;
    const { previousElementSibling: previous, nextElementSibling: next } = shown;
    if (shown.contains(document.activeElement)) this.scroller.focus();
    if (shown.classList.contains("first") && next && !next.classList.contains("first")) next.classList.add("first");
    if (shown.classList.contains("last") && !shown.classList.contains("first")) previous?.classList.add("last");
    if (previous?.classList.contains("date") && (!next || next.classList.contains("date"))) previous.remove();
    shown.remove();
    if (!this.list.querySelector(".message")) this.list.append(this.welcome());
  }

  scrolled() {
    if (!this.list) return;
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PIXELS;
    if (this.atEnd) this.unseen = 0;
    byId("newest").hidden = this.atEnd;
    const badge = byId("newest-count");
    badge.hidden = this.unseen === 0;
    badge.textContent = String(this.unseen);
    if (this.atEnd && document.visibilityState === "visible") this.onRead();
  }

  pressed(event) {
    const shown = event.target.closest?.(".message");
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step && (event.target === this.scroller || event.target === shown)) {
      this.walking = true;
      const all = [...this.list.querySelectorAll(".message")];
      const index = shown ? all.indexOf(shown) + step : all.length - 1;
      const next = all[Math.min(Math.max(index, 0), all.length - 1)];
      next?.focus({ preventScroll: true });
      next?.scrollIntoView({ block: "nearest" });
      event.preventDefault();
    } else if (shown && event.target === shown && this.walking) {
      this.menu(shown, event);
    }
  }
}

function together(before, message) {
  return (
    !service(before) &&
    !service(message) &&
    sender(before).id === sender(message).id &&
    message.date - before.date < TOGETHER_SECONDS &&
    dayKey(before.date) === dayKey(message.date)
  );
}
