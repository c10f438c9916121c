import { t } from "../i18n/index.svelte";
import type { Words } from "../markdown/answer";

// The renderer's words in the page's language.
export function words(): Words {
  return {
    copy: t("copy"),
    copied: t("copied"),
    copyFailed: t("copy.failed"),
    wrapLines: t("answer.wrap"),
    codeIn: (language) => (language === "" ? t("answer.code") : t("answer.code_in", { language })),
    table: t("answer.table"),
    image: t("answer.image"),
    done: t("answer.done"),
    toDo: t("answer.to_do"),
  };
}
