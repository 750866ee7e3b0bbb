// Above the messages: where one is, what the bot is doing, and what is wrong.

import { byId, paintAvatar } from "./dom.js";
import { count, plainName } from "./words.js";

const PATIENCE_MS = 1200;
const DOING = { typing: "is typing…", upload_document: "is sending a file…", upload_photo: "is sending a photo…" };

export class Header {
  constructor(store) {
    this.store = store;
    this.isConnected = true;
    this.timer = 0;
  }

  /** Say whether the stream is there. */
  connected(is) {
    this.isConnected = is;
    this.showTrouble();
  }

  /** Show the open place. */
  show() {
    const { chat, thread } = this.store;
    const topic = chat.topics.find((one) => one.id === thread);
    const title = topic ? plainName(topic.name) : this.store.title(chat);
    const id = chat.type === "private" ? this.store.bot.id : chat.id + thread;
    paintAvatar(byId("chat-avatar"), topic ? "#" : title, id, topic ? "topic" : "");
    byId("chat-title").textContent = title;
    const status = byId("chat-status");
    const acting = this.store.acting.get(chat.id);
    const does = acting && acting.until > Date.now();
    const words = does ? `${this.store.bot.first_name} ${DOING[acting.action] ?? "is busy…"}` : this.about(chat, topic);
    if (status.textContent !== words) status.textContent = words;
    status.classList.toggle("typing", Boolean(does));
    const unread = this.store.places().reduce((sum, place) => sum + this.store.unread(place.chat, place.thread), 0);
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${title} – ${this.store.bot.first_name}`;
    this.showTrouble();
  }

  about(chat, topic) {
    if (chat.type === "private") return this.store.state.listens ? "bot" : "bot, not running now";
    const members = chat.members.filter((member) => !["left", "kicked"].includes(member.status));
    const words = count(members.length, "member", "members");
    return topic ? `topic in ${plainName(chat.title)}, ${words}` : words;
  }

  // A moment's silence is no news: the bot may be between two polls, the stream between two connections.
  showTrouble() {
    const words = this.trouble();
    const shown = byId("trouble");
    clearTimeout(this.timer);
    if (!words) {
      shown.hidden = true;
      shown.textContent = "";
      return;
    }
    this.timer = setTimeout(() => {
      shown.textContent = words;
      shown.hidden = false;
    }, shown.hidden ? PATIENCE_MS : 0);
  }

  trouble() {
    if (!this.isConnected) return "The demo isn't running. Start it again with make demo: this page comes back by itself.";
    if (this.store.state && !this.store.state.listens) return "The bot isn't running now. What you write waits for it.";
    return "";
  }
}
