// The chat page: wires the store, the stream and what is seen. The open place stands in the address: #CHAT or #CHAT/TOPIC.

import { act } from "./api.js";
import { Bubbles } from "./bubble.js";
import { Composer } from "./composer.js";
import { alertWindow, choosePlace, openHelp, openSettings, toast } from "./dialogs.js";
import { byId, el, paintAvatar } from "./dom.js";
import { Header } from "./header.js";
import { follow } from "./live.js";
import { closeMenu, openMenu } from "./menu.js";
import { MessageMenu } from "./message_menu.js";
import { Search } from "./search.js";
import { listenToKeys } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { GENERAL, Store } from "./store.js";
import { Timeline } from "./timeline.js";

const PERSON = "person";
const AGAIN_MS = 1500;

class App {
  constructor() {
    this.store = new Store(() => {
      this.header.show();
      this.sidebar.show();
    });
    this.messageMenu = new MessageMenu(this);
    this.bubbles = new Bubbles(this.store, {
      command: (text) => this.composer.sendText(text),
      copy: (text) => this.copy(text),
      jump: (id) => this.jump(id),
      press: (message, data) => this.press(message, data),
      react: (message, emoji) => this.react(message, emoji),
      menu: (message, at) => this.messageMenu.open(message, at),
    });
    this.timeline = new Timeline(this.store, this.bubbles, {
      welcome: () => this.welcome(),
      onRead: () => this.store.markRead(this.store.chat, this.store.thread),
      menu: (shown, event) => this.messageMenu.pressed(shown, event),
    });
    this.sidebar = new Sidebar(this.store, { open: (place) => this.go(place), speak: (person) => this.speakAs(person) });
    this.composer = new Composer(this.store, { speak: (button) => this.chooseSpeaker(button), jump: (id) => this.jump(id) });
    this.search = new Search(this.store, (id) => this.jump(id));
    this.header = new Header(this.store);
  }

  async start() {
    let last;
    try {
      last = await this.store.load();
    } catch {
      this.header.connected(false);
      setTimeout(() => this.start(), AGAIN_MS);
      return;
    }
    const kept = Number(sessionStorage.getItem(PERSON));
    this.store.person = this.store.people.find((person) => person.id === kept) ?? this.store.people[0];
    byId("open-settings").onclick = () => openSettings(this.store, (name, on) => this.attempt(() => act(name, { on })));
    byId("open-help").onclick = openHelp;
    addEventListener("hashchange", () => this.route());
    listenToKeys(this);
    this.store.startCounting();
    this.route();
    this.composer.field.focus();
    follow(last, {
      onState: (state) => this.onState(state),
      onEvent: (event, missed) => this.onEvent(event, missed),
      onConnected: (connected) => this.header.connected(connected),
    });
  }

  /** Open the place that the address names; another one when nobody sees that. */
  route() {
    const [chatId, thread] = location.hash.slice(1).split("/").map(Number);
    const chat = this.store.chatById(chatId);
    if (chat && !this.store.isMember(chat, this.store.person)) {
      // Somebody else's private chat, e.g. by the back button: then that person speaks.
      const member = this.store.people.find((person) => this.store.isMember(chat, person));
      if (member) this.become(member);
    }
    const places = this.store.places();
    const place = places.find((one) => one.chat.id === chatId && one.thread === (thread || GENERAL)) ?? places[0];
    if (place) this.open(place);
  }

  /** Go to a place, so that the back button leads back. */
  go(place) {
    const hash = place.thread ? `#${place.chat.id}/${place.thread}` : `#${place.chat.id}`;
    this.sidebar.toggle(false);
    if (location.hash === hash) this.route();
    else location.hash = hash;
  }

  open(place) {
    closeMenu();
    const same = this.store.chat?.id === place.chat.id && this.store.thread === place.thread && this.drawnFor === this.store.person.id;
    this.store.chat = place.chat;
    this.store.thread = place.thread;
    if (same) return;
    this.drawnFor = this.store.person.id;
    this.search.close();
    this.composer.open();
    this.timeline.open();
    this.header.show();
    this.sidebar.show();
    if (!this.sidebar.isOpen && matchMedia("(hover: hover)").matches) this.composer.field.focus();
  }

  become(person) {
    this.composer.keepDraft();
    this.store.person = person;
    sessionStorage.setItem(PERSON, String(person.id));
    this.store.startCounting();
  }

  /** Let another person speak, in the open place where they are in it. */
  speakAs(person) {
    if (person.id === this.store.person.id) return;
    const { chat, thread } = this.store;
    this.become(person);
    const places = this.store.places();
    const place = places.find((one) => one.chat.id === chat.id && one.thread === thread) ?? places.find((one) => one.chat.type === chat.type) ?? places[0];
    if (!place) return;
    if (place.chat.id === chat.id) this.open(place);
    else this.go(place);
  }

  chooseSpeaker(button) {
    const items = this.store.people.map((person) => {
      const note = this.store.note(person);
      return {
        label: note ? `${person.first_name} · ${note}` : person.first_name,
        picture: paintAvatar(el("span", { aria: { hidden: true } }), person.first_name, person.id, "small"),
        checked: person.id === this.store.person.id,
        does: () => {
          this.speakAs(person);
          this.composer.field.focus();
        },
      };
    });
    openMenu(button, button, items, el("p", { className: "menu-title" }, "Speak as"));
  }

  onState(state) {
    const before = this.store.state;
    if (before.world !== state.world) {
      // Another demo, with other chats: nothing of what is shown is true any more.
      location.reload();
      return;
    }
    this.store.state = state;
    this.store.chat = this.store.chatById(this.store.chat?.id) ?? this.store.chat;
    this.store.startCounting();
    this.timeline.refreshTicks();
    this.header.show();
    this.sidebar.show();
  }

  async onEvent(event, missed) {
    if (missed) {
      await this.store.loadMessages();
      this.timeline.open();
    }
    const concerns = this.store.apply(event);
    if (event.kind === "acting") {
      this.header.show();
      setTimeout(() => {
        this.header.show();
        this.sidebar.show();
      }, 5100);
    }
    if (concerns && !missed && this.isHere(event)) this.timeline.update(event.message, event.kind === "deleted");
    this.header.show();
    this.sidebar.show();
  }

  isHere(event) {
    const { chat, thread } = this.store;
    if (event.chat_id !== chat.id) return false;
    const topics = chat.topics.map((topic) => topic.id);
    const at = topics.includes(event.message.message_thread_id) ? event.message.message_thread_id : GENERAL;
    return at === thread;
  }

  jump(messageId) {
    if (!this.timeline.show(messageId)) toast("That message isn't here any more.");
  }

  async press(message, data) {
    try {
      const body = { person: this.store.person.id, chat: message.chat.id, message: message.message_id, button: data };
      const answer = await act("press", body);
      if (answer === null) toast("The bot didn't answer in time.");
      else if (answer.show_alert) alertWindow(this.store.bot.first_name, answer.text);
      else if (answer.text) toast(answer.text);
    } catch (error) {
      toast(error.message);
    }
  }

  react(message, emoji) {
    return this.attempt(() => act("react", { ...this.named(message), emoji }));
  }

  remove(message) {
    return this.attempt(() => act("delete", this.named(message)));
  }

  forward(message) {
    choosePlace(this.store.places(), async (place) => {
      await this.attempt(() => act("forward", { ...this.named(message), to: place.chat.id, thread: place.thread || undefined }));
      this.go(place);
    });
  }

  named(message) {
    return { person: this.store.person.id, chat: message.chat.id, message: message.message_id };
  }

  async attempt(does) {
    try {
      await does();
    } catch (error) {
      toast(error.message);
    }
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied.");
    } catch {
      toast("The browser doesn't let this page copy.");
    }
  }

  welcome() {
    const { welcome } = this.store.state;
    const examples = welcome.examples.map((text) =>
      el("button", { type: "button", className: "example", onclick: () => this.composer.sendText(text) }, text),
    );
    return el("div", { className: "welcome" },
      paintAvatar(el("span", { aria: { hidden: true } }), this.store.bot.first_name, this.store.bot.id, "large"),
      el("h2", {}, this.store.bot.first_name),
      welcome.text ? el("p", {}, welcome.text) : null,
      examples.length > 0 ? el("p", { className: "welcome-try" }, "Tap one to send it:") : null,
      ...examples);
  }
}

new App().start();
