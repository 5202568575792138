// Elements, made from text: no text of a handler or a client is ever read as markup.

/** The element with this id, which the page has. */
export const $ = (id) => document.getElementById(id);

/** A new element. Children are elements and texts; null and undefined are left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Sets a text if it differs, so that the browser does no unnecessary layout. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Removes elements from the end of a list until at most `most` are left. */
export function shorten(list, most) {
  while (list.childElementCount > most) list.lastElementChild.remove();
}
