// Windows over the page, and lines that come and go.

import { MAX_FILE_BYTES } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { plainName, size } from "./words.js";

const TOAST_MS = 4000;
const BOT_LOADS_BYTES = 20 * 1024 * 1024;
const PHOTO_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/** Show a line for some seconds. */
export function toast(words) {
  const made = el("div", { className: "toast" }, words);
  byId("toasts").append(made);
  setTimeout(() => made.remove(), TOAST_MS);
}

/** Open a window; return its element. Escape, the button and a click beside it close it. */
function openDialog(title, content, { role = "dialog", done = "Close" } = {}) {
  const name = `dialog-${Math.random().toString(36).slice(2)}`;
  const shut = el("button", { type: "button", className: "text-button", onclick: () => made.close() }, done);
  const made = el(
    "dialog",
    { className: "dialog", role, aria: { labelledby: name } },
    el("h2", { id: name, className: "dialog-title" }, title),
    el("div", { className: "dialog-body" }, content),
    el("div", { className: "dialog-foot" }, shut),
  );
  made.addEventListener("close", () => {
    made.remove();
    // Chromium gives the focus back before the window is gone, and the caret then stays in it: nothing could be typed.
    const back = document.activeElement;
    if (!back?.matches("textarea, input")) return;
    back.blur();
    back.focus({ preventScroll: true });
  });
  made.addEventListener("pointerdown", (event) => event.target === made && made.close());
  document.body.append(made);
  made.showModal();
  return made;
}

/** Show what the bot answers to the press of a button, in a window. */
export function alertWindow(bot, words) {
  openDialog(bot, el("p", { className: "alert-text", dir: "auto" }, words), { role: "alertdialog", done: "OK" });
}

/** Show the settings: what of Telegram's limits holds here. `set(name, on)` changes one. */
export function openSettings(store, set) {
  const { state } = store;
  const rows = [
    toggle("Flood limits", "Telegram lets a bot send about one message a second, and 20 a minute to a group. More is refused with 429, and the bot has to wait.", state.flood, (on) => set("flood", on)),
    toggle("Privacy mode", "In a group the bot gets only commands, replies to it and messages with its @name. Private chats are the same as ever.", state.privacy, (on) => set("privacy", on)),
  ];
  const bot = el("p", { className: "hint" }, `The bot is @${state.bot.username}. It thinks that this page is Telegram: nothing in it knows the difference.`);
  openDialog("Settings", [...rows, bot]);
}

function toggle(label, hint, on, change) {
  const box = el("input", { type: "checkbox", className: "switch", role: "switch", checked: on });
  box.onchange = () => change(box.checked);
  return el("label", { className: "setting" }, el("span", { className: "setting-words" }, el("span", { className: "setting-label" }, label), el("span", { className: "hint" }, hint)), box);
}

const KEYS = [
  ["/", "the bot's commands"],
  ["Enter", "send; Shift+Enter begins a new line"],
  ["↑", "in the empty field: edit your last message"],
  ["Ctrl+↑ Ctrl+↓", "choose the message to reply to"],
  ["Alt+↑ Alt+↓", "the chat above, the chat below"],
  ["Alt+1 … Alt+9", "speak as the first person, the second, …"],
  ["Ctrl+F", "search in the chat"],
  ["Shift+Tab, then ↑ ↓", "walk through the messages"],
  ["Enter on a message", "what can be done with it; R replies, E edits, F forwards, C copies"],
  ["Esc", "back: closes what is open, leaves a reply or an edit"],
  ["F1", "this list"],
];

/** Show what the page is and its keys. */
export function openHelp() {
  const keys = KEYS.map(([key, words]) => [el("dt", {}, ...key.split(" ").flatMap(keycap)), el("dd", {}, words)]).flat();
  openDialog("Keyboard and help", [
    el("p", {}, "This is Telegram played on your own machine, with the real bot behind it. Write as anybody in the list at the bottom left: each may do something else."),
    el("dl", { className: "keys" }, keys),
  ]);
}

function keycap(word) {
  return /^(…|then|on|a|message,?)$/u.test(word) ? [`${word} `] : [el("kbd", {}, word.replace(/,$/u, "")), " "];
}

/** Let the person choose a place to forward to. */
export function choosePlace(places, chosen) {
  const made = places.map((place) =>
    el("button", { type: "button", className: "choice", onclick: () => {
      window_.close();
      chosen(place);
    } }, place.thread ? `${plainName(place.chat.title)} › ${place.title}` : place.title),
  );
  const window_ = openDialog("Forward to", el("div", { className: "choices" }, made), { done: "Cancel" });
}

/** Ask how to send files; `send(files, {caption, asPhoto})`. */
export function askToSend(files, send) {
  const tooLarge = files.filter((file) => file.size > MAX_FILE_BYTES);
  if (tooLarge.length > 0) {
    const [file] = tooLarge;
    const words = `“${plainName(file.name)}” has ${(Math.ceil(file.size / 104857.6) / 10).toFixed(1)} MB. Files of up to 50 MB can be sent here; Telegram takes up to 2 GB from people, and lets a bot load 20 MB.`;
    openDialog("This file is too large", el("p", { className: "alert-text" }, words), { role: "alertdialog", done: "OK" });
    return;
  }
  const empty = files.find((file) => file.size === 0);
  if (empty) {
    openDialog("This file is empty", el("p", { className: "alert-text" }, `“${plainName(empty.name)}” has no bytes; Telegram doesn't send such files.`), { role: "alertdialog", done: "OK" });
    return;
  }
  const pictures = files.every((file) => PHOTO_TYPES.includes(file.type));
  const asPhoto = el("input", { type: "checkbox", className: "switch", role: "switch", checked: pictures });
  const caption = el("input", { className: "field", type: "text", placeholder: "Caption", maxLength: 1024, aria: { label: "Caption" } });
  const rows = files.map((file) => el("li", { className: "to-send" }, icon("file"), el("span", { className: "file-name", dir: "auto" }, plainName(file.name)), el("span", { className: "file-size" }, size(file.size))));
  const large = files.some((file) => file.size > BOT_LOADS_BYTES);
  const form = el("form", { className: "send-form" },
    el("ul", { className: "to-send-list" }, rows),
    large ? el("p", { className: "hint" }, "The bot will see this file, but can't load it: Telegram gives a bot files of up to 20 MB.") : null,
    pictures ? el("label", { className: "setting" }, el("span", { className: "setting-label" }, "As a photo"), asPhoto) : null,
    caption,
    el("button", { type: "submit", className: "main-button" }, "Send"));
  const made = openDialog(files.length === 1 ? "Send a file" : `Send ${files.length} files`, form, { done: "Cancel" });
  form.onsubmit = (event) => {
    event.preventDefault();
    made.close();
    send(files, { caption: caption.value, asPhoto: pictures && asPhoto.checked });
  };
  caption.focus();
}
