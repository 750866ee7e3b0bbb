// The keys that work anywhere on the page; `dialogs.js` lists them for people.

import { openHelp } from "./dialogs.js";
import { byId } from "./dom.js";

/** Listen to keys for an App. */
export function listenToKeys(app) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const strong = event.ctrlKey || event.metaKey;
    if (event.key === "F1") take(event, openHelp);
    else if (strong && event.key.toLowerCase() === "f" && !event.shiftKey && !app.search.isOpen) take(event, () => app.search.open());
    else if (event.altKey && !strong && (event.key === "ArrowUp" || event.key === "ArrowDown")) take(event, () => step(app, event.key === "ArrowUp" ? -1 : 1));
    else if (event.altKey && !strong && /^[1-9]$/u.test(event.key)) speak(app, event);
    else if (event.key === "Escape") back(app);
    else if (isPlainLetter(event) && !isField(event.target)) byId("compose").focus();
  });
}

function take(event, does) {
  event.preventDefault();
  does();
}

function step(app, by) {
  const places = app.store.places();
  const here = places.findIndex((place) => place.chat.id === app.store.chat.id && place.thread === app.store.thread);
  app.go(places[(here + by + places.length) % places.length]);
}

function speak(app, event) {
  const person = app.store.people[Number(event.key) - 1];
  if (!person) return;
  event.preventDefault();
  app.speakAs(person);
  byId("compose").focus();
}

function back(app) {
  if (app.sidebar.isOpen) app.sidebar.toggle(false);
  else if (app.search.isOpen) app.search.close();
  else if (!app.composer.leave()) app.timeline.toEnd();
  if (!app.sidebar.isOpen) byId("compose").focus();
}

// Who begins to write means the field.
function isPlainLetter(event) {
  return event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
}

function isField(target) {
  return Boolean(target.closest?.("input, textarea, select"));
}
