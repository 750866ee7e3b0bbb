// A menu beside what it belongs to: arrow keys, Enter, Escape, a click elsewhere.

import { byId, el } from "./dom.js";

let close = null;

/**
 * Open a menu at an element or at a point {x, y}. Its items are {label, icon, keys, checked, does}; `top` is an element above
 * them. The focus goes back to `owner` when it is closed.
 */
export function openMenu(at, owner, items, top = null) {
  closeMenu();
  const buttons = items.map((item) =>
    el(
      "button",
      { type: "button", className: item.danger ? "menu-item danger" : "menu-item", role: item.checked === undefined ? "menuitem" : "menuitemradio", tabIndex: -1, aria: { checked: item.checked }, onclick: () => choose(item) },
      item.picture ?? el("span", { className: `icon icon-${item.icon ?? "none"}`, aria: { hidden: true } }),
      el("span", { className: "menu-label" }, item.label),
      item.keys ? el("kbd", { className: "menu-keys" }, item.keys) : null,
    ),
  );
  const menu = el("div", { className: "menu" }, top, el("div", { role: "menu", aria: { label: "What to do" } }, buttons));
  menu.addEventListener("keydown", (event) => move(event, menu));
  const outside = (event) => {
    if (!menu.contains(event.target)) closeMenu();
  };
  close = (focus) => {
    removeEventListener("pointerdown", outside, true);
    removeEventListener("resize", closeMenu);
    menu.remove();
    close = null;
    if (focus) owner?.focus({ preventScroll: true });
  };
  byId("chat").append(menu);
  place(menu, at);
  addEventListener("pointerdown", outside, true);
  addEventListener("resize", closeMenu);
  (buttons.find((button) => button.getAttribute("aria-checked") === "true") ?? buttons[0])?.focus();

  function choose(item) {
    closeMenu(true);
    item.does();
  }
}

/** Close the menu that is open, if any; `focus` gives the focus back. */
export function closeMenu(focus = false) {
  close?.(focus === true);
}

function place(menu, at) {
  const box = at instanceof Element ? at.getBoundingClientRect() : { left: at.x, right: at.x, top: at.y, bottom: at.y };
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.min(Math.max(8, box.left), innerWidth - width - 8);
  const below = box.bottom + 4 + height < innerHeight - 8;
  const top = below ? box.bottom + 4 : Math.max(8, box.top - height - 4);
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}

function move(event, menu) {
  const all = [...menu.querySelectorAll("button")];
  const index = all.indexOf(document.activeElement);
  const aims = { ArrowDown: index + 1, ArrowRight: index + 1, ArrowUp: index - 1, ArrowLeft: index - 1, Home: 0, End: all.length - 1 };
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    closeMenu(true);
  } else if (event.key in aims) {
    event.preventDefault();
    all[(aims[event.key] + all.length) % all.length].focus();
  }
}
