// Puts text on the clipboard and says so.
import { t } from "../i18n/index.svelte";
import { toasts } from "./toasts.svelte";

// Without a secure context (a name on the local network without TLS) there is no clipboard API: an old way is left.
function copyTheOldWay(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden-text";
  const focused = document.activeElement as HTMLElement | null;
  (focused?.closest("dialog") ?? document.body).append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus({ preventScroll: true });
  return done;
}

// html: what programs with formatted text get. Resolves to whether it is on the clipboard.
export async function copyText(text: string, html?: string): Promise<boolean> {
  let done: boolean;
  try {
    if (html !== undefined && "ClipboardItem" in globalThis)
      await navigator.clipboard.write([
        new ClipboardItem({
          "text/plain": new Blob([text], { type: "text/plain" }),
          "text/html": new Blob([html], { type: "text/html" }),
        }),
      ]);
    else await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    done = copyTheOldWay(text);
  }
  if (done) toasts.show(t("copied"));
  else toasts.error(t("error.copy"));
  return done;
}
