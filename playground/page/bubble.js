// One message as an element.

import { fileUrl } from "./api.js";
import { el, fillWith, icon, paintAvatar } from "./dom.js";
import { rendered } from "./entities.js";
import { clock, fullTime, oneLine, plainName, service, size } from "./words.js";

const RANKS = { creator: "owner", administrator: "admin" };

/** Makes the elements of messages. `does`: what a tap does, see `app.js`. */
export class Bubbles {
  constructor(store, does) {
    this.store = store;
    this.does = does;
  }

  /** Make the element of a message. */
  make(message) {
    if (service(message)) {
      const words = el("span", { className: "service-text" }, service(message));
      return el("div", { className: "service", id: elementId(message) }, words);
    }
    const made = el("article", { id: elementId(message), tabIndex: -1, data: { message: String(message.message_id) } });
    this.fill(made, message);
    return made;
  }

  /** Write a message into its element anew; what had the focus in it has it afterwards. */
  fill(made, message) {
    const focused = made.contains(document.activeElement) && made !== document.activeElement ? document.activeElement : null;
    const label = focused?.textContent;
    const position = focused ? focusable(made).indexOf(focused) : -1;
    const mine = this.store.isMine(message);
    made.classList.add("message", mine ? "out" : "in");
    made.setAttribute("aria-label", `${sender(message).name}, ${clock(message.date)}: ${oneLine(message).slice(0, 300)}`);
    // An edit isn't read out: a card is edited every few seconds. A new message is, since it comes with its element.
    const bubble = el("div", { className: "bubble", aria: { live: "off" } }, this.parts(message));
    const keyboard = message.reply_markup?.inline_keyboard;
    const parts = keyboard ? [bubble, this.keyboard(message, keyboard)] : [bubble];
    const column = made.querySelector(".column");
    if (column) {
      fillWith(column, parts);
      made.querySelector(".more").replaceWith(this.more(message));
    } else {
      made.replaceChildren(...(mine ? [] : [this.avatar(message)]), el("div", { className: "column" }, parts), this.more(message));
    }
    if (focused && !focused.isConnected) {
      const again = focusable(made);
      (again.find((other) => other.textContent === label) ?? again[position] ?? made).focus({ preventScroll: true });
    }
  }

  avatar(message) {
    const { name, id } = sender(message);
    const made = paintAvatar(el("span"), name, id);
    made.setAttribute("aria-hidden", "true");
    return made;
  }

  parts(message) {
    const text = message.text ?? message.caption ?? "";
    const key = `${message.chat.id}/${message.message_id}`;
    const entities = message.entities ?? message.caption_entities;
    const words = rendered(text, entities, { ...this.does, opened: this.store.opened, key });
    return [
      this.name(message),
      this.forwarded(message),
      this.quoted(message),
      message.photo ? photo(message) : null,
      message.document ? file(message.document) : null,
      el("div", { className: text ? "text" : "text text-empty", dir: "auto" }, words, this.meta(message)),
      this.reactions(message),
    ];
  }

  name(message) {
    const { name, id } = sender(message);
    const chat = this.store.chatById(message.chat.id);
    const rank = message.from?.is_bot ? "bot" : RANKS[this.store.status(chat, message.from)];
    const shown = el("span", { className: `sender-name tone-${Math.abs(id) % 7}`, dir: "auto" }, name);
    return el("div", { className: "sender" }, shown, rank ? el("span", { className: "rank" }, rank) : null);
  }

  forwarded(message) {
    const origin = message.forward_origin;
    if (!origin) return null;
    return el("div", { className: "forwarded" }, "Forwarded from ", el("b", {}, plainName(origin.sender_user?.first_name ?? "somebody")));
  }

  quoted(message) {
    const replied = message.reply_to_message;
    if (!replied || replied.message_id === message.message_thread_id) return null;
    const now = this.store.find(message.chat.id, replied.message_id) ?? replied;
    const { name, id } = sender(now);
    return el(
      "button",
      { type: "button", className: `reply-quote tone-${Math.abs(id) % 7}`, aria: { label: `In reply to ${name}: show it` }, onclick: () => this.does.jump(replied.message_id) },
      el("span", { className: "reply-name" }, name),
      el("span", { className: "reply-text" }, oneLine(now).slice(0, 200)),
    );
  }

  meta(message) {
    const parts = [];
    if (message.edit_date) parts.push(el("span", { className: "edited", title: fullTime(message.edit_date) }, "edited"));
    const time = new Date(message.date * 1000).toISOString();
    parts.push(el("time", { dateTime: time, title: fullTime(message.date) }, clock(message.date)));
    if (this.store.isMine(message)) {
      const waits = this.store.isWaiting(message);
      const words = waits ? "sent; the bot hasn't taken it yet" : "sent";
      parts.push(el("span", { className: waits ? "ticks" : "ticks taken", role: "img", title: words, aria: { label: words } }));
    }
    return el("span", { className: "meta" }, parts);
  }

  reactions(message) {
    if (!message.reactions?.length) return null;
    const byEmoji = new Map();
    for (const [person, emoji] of message.reactions) byEmoji.set(emoji, [...(byEmoji.get(emoji) ?? []), person]);
    const made = [...byEmoji].map(([emoji, people]) => {
      const mine = people.includes(this.store.person.id);
      const names = people.map((id) => this.store.state.people.find((person) => person.id === id)?.first_name ?? "somebody").map(plainName).join(", ");
      return el(
        "button",
        { type: "button", className: mine ? "reaction mine" : "reaction", title: names, aria: { pressed: mine, label: `${emoji} by ${names}` }, onclick: () => this.does.react(message, mine ? null : emoji) },
        el("span", { className: "emoji" }, shownEmoji(emoji)),
        el("span", { className: "reaction-count" }, String(people.length)),
      );
    });
    return el("div", { className: "reactions" }, made);
  }

  keyboard(message, rows) {
    const made = rows.map((row) => el("div", { className: "key-row" }, row.map((button) => this.key(message, button))));
    return el("div", { className: "keyboard", role: "group", aria: { label: "Buttons" } }, made);
  }

  key(message, button) {
    if (button.url) {
      const safe = /^(https?|tg):/iu.test(button.url) ? button.url : undefined;
      return el("a", { className: "key", href: safe, target: "_blank", rel: "noopener noreferrer" }, el("span", { dir: "auto" }, button.text), icon("link"));
    }
    const made = el("button", { type: "button", className: "key" }, el("span", { dir: "auto" }, button.text));
    made.onclick = async () => {
      if (made.getAttribute("aria-busy") === "true") return;
      made.setAttribute("aria-busy", "true");
      await this.does.press(message, button.callback_data);
      made.removeAttribute("aria-busy");
    };
    return made;
  }

  more(message) {
    return el(
      "button",
      { type: "button", className: "more", tabIndex: -1, title: "Reply, react, …", aria: { label: "More", haspopup: "menu" }, onclick: (event) => this.does.menu(message, event.currentTarget) },
      icon("more"),
    );
  }
}

/** Return an emoji as its picture: some are letters without the selector that Telegram leaves out. */
export function shownEmoji(emoji) {
  return emoji.includes("\u200d") ? emoji : `${emoji}\ufe0f`;
}

/** Return the id of the element of a message. */
export function elementId(message) {
  return `message-${message.message_id}`;
}

/** Return name and id of who a message is from: a person, or the chat in whose name it is. */
export function sender(message) {
  const chat = message.sender_chat;
  if (chat) return { name: plainName(chat.title ?? "Channel"), id: chat.id };
  return { name: plainName(message.from?.first_name ?? "Somebody"), id: message.from?.id ?? 0 };
}

function focusable(made) {
  return [...made.querySelectorAll("button, a[href]")];
}

function photo(message) {
  const shown = message.photo.at(-1);
  const picture = el("img", { className: "photo", src: fileUrl(shown.file_id), width: shown.width, height: shown.height, loading: "lazy", decoding: "async", alt: message.caption ? `Photo: ${message.caption}` : "Photo" });
  return el("a", { className: "photo-link", href: fileUrl(shown.file_id), target: "_blank", rel: "noopener" }, picture);
}

function file(document_) {
  const name = plainName(document_.file_name) || "file";
  return el(
    "a",
    { className: "file", href: fileUrl(document_.file_id), download: name, aria: { label: `Download ${name}, ${size(document_.file_size)}` } },
    el("span", { className: "file-icon" }, icon("file")),
    el("span", { className: "file-words" }, el("span", { className: "file-name", dir: "auto" }, name), el("span", { className: "file-size" }, size(document_.file_size))),
  );
}
