// Turns the content of `target` into that of `source`, keeping every node that stays the same or only grows: a
// selection in it survives, and the browser lays out only what is new. Takes the nodes of `source`.
export function morph(target: Node, source: Node) {
  let old = target.firstChild;
  let next = source.firstChild;
  while (next) {
    const following: ChildNode | null = next.nextSibling;
    if (!old) target.appendChild(next);
    else {
      const after: ChildNode | null = old.nextSibling;
      if (!adapt(old, next)) target.replaceChild(next, old);
      old = after;
    }
    next = following;
  }
  while (old) {
    const after: ChildNode | null = old.nextSibling;
    old.remove();
    old = after;
  }
}

// Makes `old` like `next` if they are of one kind.
function adapt(old: ChildNode, next: ChildNode): boolean {
  if (old instanceof Text && next instanceof Text) {
    setText(old, next.data);
    return true;
  }
  if (!(old instanceof HTMLElement) || !(next instanceof HTMLElement) || old.tagName !== next.tagName) return false;
  // Formulas are set once; what they were made from tells them apart.
  if (old.dataset.tex !== undefined || next.dataset.tex !== undefined)
    return old.dataset.tex === next.dataset.tex && old.dataset.display === next.dataset.display;
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes)
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morph(old, next);
  return true;
}

export function setText(node: Text, text: string) {
  const old = node.data;
  if (text === old) return;
  if (text.startsWith(old)) node.appendData(text.slice(old.length));
  else node.data = text;
}
