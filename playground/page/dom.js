// Elements, made of texts and never of markup: what people and the bot write stays text.

/** Make an element. `given` are its properties (`className`, `onclick`, …), `aria` and `data` their attributes. */
export function el(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  const { aria = {}, data = {}, ...properties } = given;
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "role" || name === "for") made.setAttribute(name, value);
    else made[name] = value;
  }
  for (const [name, value] of Object.entries(aria)) {
    if (value !== undefined && value !== null) made.setAttribute(`aria-${name}`, String(value));
  }
  Object.assign(made.dataset, data);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Make an icon, which screen readers pass over. */
export function icon(name) {
  return el("span", { className: `icon icon-${name}`, aria: { hidden: true } });
}

/** Put children into an element, and leave there those that look the same: a tap that has begun on one shall end on it. */
export function fillWith(parent, made) {
  made.forEach((child, index) => {
    const there = parent.children[index];
    if (!there) parent.append(child);
    else if (!there.isEqualNode(child)) there.replaceWith(child);
  });
  while (parent.children.length > made.length) parent.lastElementChild.remove();
}

/** Find the element of the page that has this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Make the round picture of a peer: initials on a colour of its own. */
export function paintAvatar(avatar, name, id, shape = "") {
  avatar.className = `avatar tone-${Math.abs(id) % 7} ${shape}`.trim();
  avatar.textContent = initials(name);
  return avatar;
}

/** Return the initials of a name: the first letter of its first and of its last word. */
function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = words.length > 1 ? [words[0], words[words.length - 1]] : words.slice(0, 1);
  return first.map((word) => firstLetter(word)).join("").toUpperCase() || "?";
}

function firstLetter(word) {
  const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(word);
  for (const { segment } of segments) return segment;
  return "";
}
