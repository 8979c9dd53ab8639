// Elements made of text: what comes from the wire is never read as markup.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. `on` holds listeners, `class` the class. */
export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for drawings. */
export function s(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== undefined && value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Text in which what is between back-ticks is code. */
export function prose(text) {
  return String(text).split("`").map((part, index) => (index % 2 === 1 ? h("code", {}, part) : part));
}

/** A button that copies `text`. */
export function copied(text, key) {
  const button = h("button", { type: "button", class: "small", "data-key": key, "aria-label": `Copy ${text}` }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      say(button, "copied");
    } catch {
      say(button, "select it: this browser does not copy here");
    }
    setTimeout(() => say(button, "copy"), 2000);
  });
  return button;
}

/** Puts `children` in place of what is in `element`; the focus stays with an element of the same data-key. */
export function replace(element, ...children) {
  const held = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  if (held !== undefined) {
    [...element.querySelectorAll("[data-key]")].find((one) => one.dataset.key === held)?.focus({ preventScroll: true });
  }
}

/** Puts `list` in place of what is there; what stays is not moved, so that it keeps the focus and is not marked anew. */
export function put(element, list, more) {
  let at = element.firstChild;
  for (const one of [...list, ...(more ? [more] : [])]) {
    if (one === at) at = at.nextSibling;
    else element.insertBefore(one, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Text that changes only when it has to: readers of live regions hear each change. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
