// Where messages are written: text, replies, edits, files, and the menu of commands.

import { act, sendFile } from "./api.js";
import { sender } from "./bubble.js";
import { CommandMenu } from "./commands.js";
import { askToSend, toast } from "./dialogs.js";
import { byId, el, icon, paintAvatar } from "./dom.js";
import { oneLine, plainName, service, size } from "./words.js";

const MOST_UNITS = 4096;
const DRAFTS = "drafts";

/** The composer of the open place. `speak(button)` lets another person be chosen. */
export class Composer {
  constructor(store, { speak, jump }) {
    this.store = store;
    this.jump = jump;
    this.drafts = new Map(JSON.parse(sessionStorage.getItem(DRAFTS) ?? "[]"));
    this.replyTo = null;
    this.editing = null;
    this.field = el("textarea", { id: "compose", className: "compose", rows: 1, aria: { label: "Message", autocomplete: "list", controls: "commands" } });
    this.field.disabled = true; // until there is a place to write in
    this.above = el("div", { className: "above" });
    this.uploads = el("div", { className: "uploads" });
    this.speaker = el("button", { type: "button", className: "speaker", aria: { haspopup: "menu" } });
    this.speaker.onclick = () => speak(this.speaker);
    this.picker = el("input", { type: "file", multiple: true, hidden: true, tabIndex: -1, aria: { label: "Files" } });
    this.commands = new CommandMenu(store, this.field, (text) => this.sendTyped(text), () => this.grow());
    const narrow = matchMedia("(max-width: 720px)");
    const hint = () => (this.field.placeholder = narrow.matches ? "Message" : "Message, or / for commands");
    narrow.addEventListener("change", hint);
    hint();
    this.build();
    this.listen();
  }

  build() {
    const slash = el("button", { type: "button", className: "icon-button", title: "Commands", aria: { label: "Commands" } }, icon("slash"));
    slash.onclick = () => {
      this.field.value = "/";
      this.field.focus();
      this.field.dispatchEvent(new Event("input"));
    };
    const attach = el("button", { type: "button", className: "icon-button", title: "Send a file", aria: { label: "Send a file" } }, icon("attach"));
    attach.onclick = () => this.picker.click();
    this.button = el("button", { type: "button", className: "send", title: "Send (Enter)", aria: { label: "Send" } }, icon("send"));
    this.button.onclick = () => this.submit();
    const row = el("div", { className: "compose-row" }, this.speaker, slash, this.field, attach, this.button, this.picker);
    byId("composer").append(this.commands.list, this.uploads, this.above, row);
  }

  listen() {
    this.field.addEventListener("input", () => this.grow());
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    this.field.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.offer(files);
    });
    this.picker.onchange = () => {
      this.offer([...this.picker.files]);
      this.picker.value = "";
    };
    const chat = byId("chat");
    chat.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
    chat.addEventListener("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.offer([...event.dataTransfer.files]);
    });
    addEventListener("pagehide", () => {
      this.keepDraft();
      sessionStorage.setItem(DRAFTS, JSON.stringify([...this.drafts]));
    });
  }

  /** Remember what was written in the place that is left. */
  keepDraft() {
    if (!this.place) return;
    if (this.field.value && !this.editing) this.drafts.set(this.place, this.field.value);
    else this.drafts.delete(this.place);
  }

  /** Show the open place's own draft. */
  open() {
    this.keepDraft();
    this.place = `${this.store.person.id}/${this.store.chat.id}/${this.store.thread}`;
    this.leave();
    this.field.value = this.drafts.get(this.place) ?? "";
    this.field.disabled = false;
    this.grow();
    this.showSpeaker();
  }

  showSpeaker() {
    const { person } = this.store;
    const note = this.store.note(person);
    this.speaker.replaceChildren(paintAvatar(el("span"), person.first_name, person.id));
    const words = `You speak as ${person.first_name}${note ? `, ${note}` : ""}`;
    this.speaker.setAttribute("aria-label", `${words}. Choose somebody else`);
    this.speaker.title = words;
  }

  /** Begin a reply to a message. */
  reply(message) {
    if (this.editing) this.leave();
    this.replyTo = message;
    this.showAbove("reply", `Reply to ${sender(message).name}`, message);
    this.field.focus();
  }

  /** Begin to edit a message of one's own. */
  edit(message) {
    this.keepDraft();
    this.replyTo = null;
    this.editing = message;
    this.field.value = message.text ?? message.caption ?? "";
    this.showAbove("edit", "Edit message", message);
    this.grow();
    this.field.focus();
  }

  /** Leave a reply or an edit; return whether there was one. */
  leave() {
    const was = this.replyTo ?? this.editing;
    if (this.editing) this.field.value = this.drafts.get(this.place) ?? "";
    this.replyTo = null;
    this.editing = null;
    this.above.replaceChildren();
    this.grow();
    return Boolean(was);
  }

  showAbove(kind, title, message) {
    const shut = el("button", { type: "button", className: "icon-button", aria: { label: "Leave it" }, onclick: () => {
      this.leave();
      this.field.focus();
    } }, icon("close"));
    const words = el("button", { type: "button", className: "above-words", onclick: () => this.jump(message.message_id) },
      el("span", { className: "above-title" }, title), el("span", { className: "above-text" }, oneLine(message).slice(0, 200)));
    this.above.replaceChildren(icon(kind), words, shut);
  }

  grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, innerHeight * 0.4)}px`;
    this.button.disabled = this.field.value.trim() === "";
  }

  pressed(event) {
    if (event.isComposing || this.commands.pressed(event)) return;
    const alone = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && this.leave()) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "ArrowUp" && alone && this.field.value === "" && !this.replyTo) {
      const mine = this.here().filter((message) => this.store.isMine(message) && message.text);
      if (mine.length === 0) return;
      event.preventDefault();
      this.edit(mine.at(-1));
    } else if ((event.ctrlKey || event.metaKey) && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      this.chooseReply(event.key === "ArrowUp" ? -1 : 1);
    }
  }

  chooseReply(step) {
    const all = this.here();
    const index = this.replyTo ? all.findIndex((message) => message.message_id === this.replyTo.message_id) : all.length;
    const next = all[Math.max(0, index + step)];
    if (!next) {
      this.leave();
      return;
    }
    this.reply(next);
    this.jump(next.message_id);
  }

  here() {
    return this.store.inPlace(this.store.chat, this.store.thread).filter((message) => !service(message));
  }

  async submit() {
    const text = this.field.value;
    if (text.trim() === "") return;
    if (this.editing) {
      const { chat, message_id: message } = this.editing;
      this.field.value = "";
      this.leave();
      await this.attempt(() => act("edit", { chat: chat.id, message, text }), text);
      return;
    }
    await this.sendTyped(text);
  }

  /** Send what was typed or completed in the field; a reply is done with it. */
  async sendTyped(text) {
    const replyTo = this.replyTo?.message_id;
    this.field.value = "";
    this.leave();
    this.commands.hide();
    await this.sendText(text, replyTo);
  }

  /** Say something here and leave the field as it is; a text that is too long for one message becomes several, as in Telegram. */
  async sendText(text, replyTo) {
    const place = this.address();
    this.field.focus();
    await this.attempt(async () => {
      let first = true;
      for (const piece of pieces(text)) {
        await act("say", { ...place, text: piece, reply_to: first ? replyTo : undefined });
        first = false;
      }
    }, text);
  }

  /** Do it, and give the text back when it fails. */
  async attempt(does, text) {
    try {
      await does();
    } catch (error) {
      toast(error.message);
      if (this.field.value === "") {
        this.field.value = text;
        this.grow();
      }
    }
  }

  address() {
    return { person: this.store.person.id, chat: this.store.chat.id, thread: this.store.thread || undefined };
  }

  offer(files) {
    if (files.length > 0) askToSend(files, (chosen, how) => this.sendFiles(chosen, how));
  }

  async sendFiles(files, { caption, asPhoto }) {
    const place = this.address();
    const replyTo = this.replyTo?.message_id;
    this.leave();
    this.field.focus();
    for (const [index, file] of files.entries()) {
      const pixels = asPhoto ? await pixelsOf(file) : null;
      const fields = { ...place, name: file.name, type: file.type, ...pixels, caption: index === 0 ? caption : "", reply_to: index === 0 ? replyTo : "" };
      await this.upload(file, fields);
    }
  }

  async upload(file, fields) {
    const stop = new AbortController();
    const bar = el("progress", { max: 1, value: 0, aria: { label: `Sending ${file.name}` } });
    const shown = el("div", { className: "upload" }, icon("file"), el("span", { className: "file-name", dir: "auto" }, plainName(file.name)), el("span", { className: "file-size" }, size(file.size)), bar,
      el("button", { type: "button", className: "icon-button", aria: { label: `Stop sending ${file.name}` }, onclick: () => stop.abort() }, icon("close")));
    this.uploads.append(shown);
    try {
      await sendFile(file, fields, (part) => (bar.value = part), stop.signal);
    } catch (error) {
      if (error.name !== "AbortError") toast(error.message);
    }
    shown.remove();
  }
}

/** Cut a text into pieces that fit a message each: between lines, else words, else anywhere but within a character. */
function pieces(text) {
  const found = [];
  let rest = text;
  while (rest.length > MOST_UNITS) {
    const part = rest.slice(0, MOST_UNITS);
    let end = Math.max(part.lastIndexOf("\n"), 0) || Math.max(part.lastIndexOf(" "), 0) || MOST_UNITS;
    if (end === MOST_UNITS && /[\uD800-\uDBFF]/u.test(rest[end - 1])) end -= 1;
    found.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...found, rest].filter((piece) => piece.trim() !== "");
}

async function pixelsOf(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const { width, height } = bitmap;
    bitmap.close();
    return { width, height };
  } catch {
    return {};
  }
}
