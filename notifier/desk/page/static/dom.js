// The only place where elements are made. Text goes in as text nodes, so no data can become markup.
export function h(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    set(node, attributes);
    node.append(...children.filter((child) => child !== null));
    return node;
}
export function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === false)
            node.removeAttribute(name);
        else {
            const text = value === true ? "" : value;
            if (node.getAttribute(name) !== text)
                node.setAttribute(name, text);
        }
    }
}
/** Writing the same text again would make screen readers speak it again. */
export function say(node, text) {
    if (node.textContent !== text)
        node.textContent = text;
}
export function button(testId, look, text, press) {
    const node = h("button", { type: "button", class: `button ${look}`, "data-testid": testId }, text);
    node.addEventListener("click", press);
    return node;
}
/** Puts the children in this order and keeps the focus: the browser drops it from a node that moves. */
export function arrange(parent, wanted) {
    const focused = document.activeElement;
    for (const old of [...parent.children])
        if (!wanted.includes(old))
            old.remove();
    wanted.forEach((node, index) => {
        if (parent.children[index] !== node)
            parent.insertBefore(node, parent.children[index] ?? null);
    });
    const dropped = focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused);
    if (dropped)
        focused.focus({ preventScroll: true });
}
const SVG = "http://www.w3.org/2000/svg";
export function drawing(look, ...shapes) {
    const svg = document.createElementNS(SVG, "svg");
    set(svg, { viewBox: "0 0 24 24", class: look, "aria-hidden": "true", focusable: "false" });
    for (const [tag, attributes] of shapes) {
        const shape = document.createElementNS(SVG, tag);
        set(shape, attributes);
        svg.append(shape);
    }
    return svg;
}
