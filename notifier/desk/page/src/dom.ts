// The only place where elements are made. Text goes in as text nodes, so no data can become markup.

export type Child = Node | string | null;
export type Attributes = Readonly<Record<string, string | boolean | undefined>>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  set(node, attributes);
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function set(node: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) node.removeAttribute(name);
    else {
      const text = value === true ? "" : value;
      if (node.getAttribute(name) !== text) node.setAttribute(name, text);
    }
  }
}

/** Writing the same text again would make screen readers speak it again. */
export function say(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function button(testId: string, look: string, text: string, press: () => void): HTMLButtonElement {
  const node = h("button", { type: "button", class: `button ${look}`, "data-testid": testId }, text);
  node.addEventListener("click", press);
  return node;
}

/** Puts the children in this order and keeps the focus: the browser drops it from a node that moves. */
export function arrange(parent: Element, wanted: readonly Element[]): void {
  const focused = document.activeElement;
  for (const old of [...parent.children]) if (!wanted.includes(old)) old.remove();
  wanted.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  const dropped = focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused);
  if (dropped) focused.focus({ preventScroll: true });
}

const SVG = "http://www.w3.org/2000/svg";

export function drawing(look: string, ...shapes: readonly (readonly [string, Attributes])[]): SVGElement {
  const svg = document.createElementNS(SVG, "svg") as SVGElement;
  set(svg, { viewBox: "0 0 24 24", class: look, "aria-hidden": "true", focusable: "false" });
  for (const [tag, attributes] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    set(shape, attributes);
    svg.append(shape);
  }
  return svg;
}
