// Copying that also works where the page has no secure context (a plain address in the local network).

// Puts text on the clipboard, and `html` beside it where that is possible; says whether it worked.
export async function copyText(text: string, html?: string): Promise<boolean> {
  try {
    if (html !== undefined && typeof ClipboardItem !== "undefined") {
      const blob = (type: string, data: string) => new Blob([data], { type });
      await navigator.clipboard.write([
        new ClipboardItem({ "text/plain": blob("text/plain", text), "text/html": blob("text/html", html) }),
      ]);
    } else await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByCommand(text, html);
  }
}

// The old way: the browser copies a selection, which a hidden field lends, and a listener says what that is.
function copyByCommand(text: string, html?: string): boolean {
  const active = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "hidden-text";
  field.value = " ";
  // Outside an open dialog nothing can be selected.
  (active?.closest("dialog") ?? document.body).append(field);
  field.select();
  let copied = false;
  const listener = (event: ClipboardEvent) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    event.clipboardData?.setData("text/plain", text);
    if (html !== undefined) event.clipboardData?.setData("text/html", html);
    copied = true;
  };
  document.addEventListener("copy", listener, { capture: true });
  try {
    document.execCommand("copy");
  } finally {
    document.removeEventListener("copy", listener, { capture: true });
    field.remove();
    if (active instanceof HTMLElement) active.focus({ preventScroll: true });
  }
  return copied;
}
