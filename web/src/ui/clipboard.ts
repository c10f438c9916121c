// Puts text on the clipboard and says so.
import { t } from "../i18n/index.svelte";
import { copyText as putOnClipboard } from "../markdown/clipboard";
import { toasts } from "./toasts.svelte";

// html: what programs with formatted text get. Resolves to whether it is on the clipboard.
export async function copyText(text: string, html?: string): Promise<boolean> {
  const done = await putOnClipboard(text, html);
  if (done) toasts.show(t("copied"));
  else toasts.error(t("error.copy"));
  return done;
}
