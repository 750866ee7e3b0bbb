// A text with its entities as elements, as Telegram shows them. Offsets count UTF-16 units, as JavaScript's do.

import { el, icon } from "./dom.js";

const SAFE_LINK = /^(https?|tg|mailto|tel):/iu;
const LINE_LETTERS = 45;
const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s" };

/**
 * Return the nodes of a text. `does` has what a tap does: `command(text)`, `copy(text)`, and `opened`, a Set of what was
 * revealed or expanded, with `key` as the beginning of each name in it.
 */
export function rendered(text, entities, does) {
  const sorted = [...(entities ?? [])].sort((one, other) => one.offset - other.offset || other.length - one.length);
  return nodes(text, 0, text.length, sorted, does);
}

function nodes(text, start, end, entities, does) {
  const made = [];
  let at = start;
  let index = 0;
  while (index < entities.length) {
    const entity = entities[index];
    const from = Math.max(entity.offset, at);
    const to = Math.min(entity.offset + entity.length, end);
    const inner = [];
    index += 1;
    // What begins inside stands inside; where it reaches further, its rest follows behind.
    while (index < entities.length && entities[index].offset < to) {
      inner.push(entities[index]);
      index += 1;
    }
    if (to <= from) continue;
    if (from > at) made.push(document.createTextNode(text.slice(at, from)));
    const rest = inner
      .filter((other) => other.offset + other.length > to)
      .map((other) => ({ ...other, offset: to, length: other.offset + other.length - to }));
    entities.splice(index, 0, ...rest);
    made.push(element(entity, text.slice(from, to), nodes(text, from, to, inner, does), does));
    at = to;
    if (isBlock(entity) && text[at] === "\n") at += 1;
  }
  if (end > at) made.push(document.createTextNode(text.slice(at, end)));
  return made;
}

function isBlock(entity) {
  return ["pre", "blockquote", "expandable_blockquote"].includes(entity.type);
}

function element(entity, words, children, does) {
  switch (entity.type) {
    case "bold":
    case "italic":
    case "underline":
    case "strikethrough":
      return el(TAGS[entity.type], {}, children);
    case "code":
      return el("code", { className: "code", title: "Copy", onclick: () => does.copy(words) }, words);
    case "pre":
      return preformatted(entity, words, does);
    case "spoiler":
      return spoiler(entity, children, does);
    case "blockquote":
      return el("blockquote", { className: "quote" }, children);
    case "expandable_blockquote":
      return isShort(words) ? el("blockquote", { className: "quote" }, children) : expandable(entity, children, does);
    case "bot_command":
      return el("button", { type: "button", className: "command", onclick: () => does.command(words) }, words);
    case "mention":
    case "text_mention":
    case "hashtag":
    case "cashtag":
      return el("span", { className: "mention" }, children);
    default:
      return link(entity, words, children);
  }
}

function link(entity, words, children) {
  const target = { text_link: entity.url, url: /^https?:/iu.test(words) ? words : `https://${words}`, email: `mailto:${words}` }[entity.type];
  if (!target || !SAFE_LINK.test(target)) return el("span", {}, children);
  return el("a", { className: "link", href: target, target: "_blank", rel: "noopener noreferrer", title: target }, children);
}

function preformatted(entity, words, does) {
  const copy = el(
    "button",
    { type: "button", className: "pre-copy", title: "Copy", aria: { label: "Copy the block" }, onclick: () => does.copy(words) },
    icon("copy"),
  );
  const head = el("div", { className: "pre-head" }, el("span", {}, entity.language ?? ""), copy);
  return el("div", { className: entity.language ? "pre pre-named" : "pre" }, head, el("pre", {}, words));
}

function spoiler(entity, children, does) {
  const key = `${does.key}/spoiler/${entity.offset}`;
  if (does.opened.has(key)) return el("span", { className: "spoiler revealed" }, children);
  const hidden = el("span", { className: "spoiler-text", aria: { hidden: true } }, children);
  const made = el("button", { type: "button", className: "spoiler", aria: { label: "Hidden text: show it" } }, hidden);
  // The words stay out of reach of the keyboard and of search until they are shown.
  hidden.inert = true;
  made.onclick = () => {
    does.opened.add(key);
    made.replaceWith(el("span", { className: "spoiler revealed" }, [...hidden.childNodes]));
  };
  return made;
}

// Telegram folds what has more than three lines.
function isShort(words) {
  const lines = words.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / LINE_LETTERS)), 0);
  return lines <= 3;
}

function expandable(entity, children, does) {
  const key = `${does.key}/quote/${entity.offset}`;
  const open = does.opened.has(key);
  const body = el("div", { className: "quote-body" }, children);
  const toggle = el("button", { type: "button", className: "quote-toggle", aria: { expanded: open, label: open ? "Show less" : "Show all" } }, icon("down"));
  const made = el("blockquote", { className: open ? "quote expandable open" : "quote expandable" }, body, toggle);
  const turn = () => {
    const opened = made.classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(opened));
    toggle.setAttribute("aria-label", opened ? "Show less" : "Show all");
    if (opened) does.opened.add(key);
    else does.opened.delete(key);
  };
  toggle.onclick = (event) => {
    event.stopPropagation();
    turn();
  };
  body.onclick = (event) => {
    if (!event.target.closest("a, button, code") && !made.classList.contains("open")) turn();
  };
  return made;
}
