// What the page knows: who there is, what was said, what was read. It holds no elements.

import { read } from "./api.js";
import { plainName } from "./words.js";

export const GENERAL = 0;

/** The state of one tab. `changed` is called when something was read. */
export class Store {
  constructor(changed) {
    this.changed = changed;
    this.state = null;
    this.person = null;
    this.chat = null;
    this.thread = GENERAL;
    this.messages = new Map();
    this.readUpTo = new Map();
    this.acting = new Map();
    this.opened = new Set();
  }

  /** Load everything; return the number of the last event that is in it. */
  async load() {
    const state = await read("state");
    this.state = state;
    await this.loadMessages();
    return state.last_event;
  }

  /** Load the messages of all chats anew. */
  async loadMessages() {
    const loaded = this.state.chats.map(async (chat) => {
      const found = await read(`messages?chat=${chat.id}`);
      this.messages.set(chat.id, new Map(found.map((message) => [message.message_id, message])));
    });
    await Promise.all(loaded);
  }

  get bot() {
    return this.state.bot;
  }

  /** Return the people to speak as, oldest first. */
  get people() {
    const people = this.state.people.filter((person) => !person.is_bot);
    return people.map((person) => ({ ...person, first_name: plainName(person.first_name) }));
  }

  /** Return what the demo says of a person, e.g. a role. */
  note(person) {
    return this.state.welcome.notes.find((note) => note.person === person.id)?.note ?? "";
  }

  /** Return what a person is in a chat: the Bot API's word. */
  status(chat, person) {
    return chat.members.find((member) => member.user.id === person?.id)?.status ?? "left";
  }

  isMember(chat, person) {
    return !["left", "kicked"].includes(this.status(chat, person));
  }

  chatById(id) {
    return this.state.chats.find((chat) => chat.id === id) ?? null;
  }

  /** Return the places that a person sees: {chat, thread, title, forum}, forums with a place for each topic. */
  places(person = this.person) {
    const found = [];
    for (const chat of this.state.chats) {
      if (!this.isMember(chat, person)) continue;
      found.push({ chat, thread: GENERAL, title: this.title(chat) });
      for (const topic of chat.topics) found.push({ chat, thread: topic.id, title: plainName(topic.name) });
    }
    return found;
  }

  title(chat) {
    return chat.type === "private" ? this.bot.first_name : plainName(chat.title);
  }

  /** Return the messages of a place, oldest first. */
  inPlace(chat, thread) {
    const all = this.messages.get(chat.id) ?? new Map();
    const topics = new Set(chat.topics.map((topic) => topic.id));
    return [...all.values()].filter((message) => {
      const at = topics.has(message.message_thread_id) ? message.message_thread_id : GENERAL;
      return at === thread;
    });
  }

  find(chatId, messageId) {
    return this.messages.get(chatId)?.get(messageId) ?? null;
  }

  isMine(message) {
    return !message.sender_chat && message.from?.id === this.person?.id;
  }

  /** Say whether the bot hasn't taken a message yet. */
  isWaiting(message) {
    return this.state.waiting.some(([chat, id]) => chat === message.chat.id && id === message.message_id);
  }

  /** Count what a person hasn't read in a place. */
  unread(chat, thread) {
    const from = this.readUpTo.get(this.readKey(chat, thread));
    if (from === undefined) return 0;
    return this.inPlace(chat, thread).filter((message) => message.message_id > from && !this.isMine(message)).length;
  }

  /** Take everything in a place as read, by the person who speaks now. */
  markRead(chat, thread) {
    const key = this.readKey(chat, thread);
    const newest = this.newestId(chat, thread);
    if (this.readUpTo.get(key) === newest) return;
    this.readUpTo.set(key, newest);
    this.changed();
  }

  /** Begin to count from here in every place where nothing was counted. */
  startCounting() {
    for (const { chat, thread } of this.places()) {
      const key = this.readKey(chat, thread);
      if (!this.readUpTo.has(key)) this.readUpTo.set(key, this.newestId(chat, thread));
    }
  }

  /** Take in what happened; return false when it concerns no message. */
  apply(event) {
    const { kind, message } = event;
    if (kind === "acting") {
      this.acting.set(event.chat_id, { action: event.detail, until: Date.now() + 5000 });
      return false;
    }
    if (!message) return false;
    const all = this.messages.get(event.chat_id) ?? new Map();
    this.messages.set(event.chat_id, all);
    if (kind === "deleted") all.delete(event.message_id);
    else if (kind !== "pressed" || all.has(event.message_id)) all.set(event.message_id, message);
    if (kind === "sent" && event.by_bot) this.acting.delete(event.chat_id);
    return true;
  }

  newestId(chat, thread) {
    const last = this.inPlace(chat, thread).at(-1);
    return last ? last.message_id : 0;
  }

  readKey(chat, thread) {
    return `${this.person.id}/${chat.id}/${thread}`;
  }
}
