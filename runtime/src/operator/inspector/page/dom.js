// Elements, made of texts: nothing that a handler or a client has said is ever taken for markup.

/** The element with this id, which the page has. */
export const $ = (id) => document.getElementById(id);

/** A new element; children are elements and texts, and what is null or undefined is left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Sets a text where it differs, so that nothing is laid out anew for nothing. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Takes elements out from the end of a list until so many are left. */
export function shorten(list, most) {
  while (list.childElementCount > most) list.lastElementChild.remove();
}
