// Reads an answer that is being written to screen readers, by sentences, if that is what a person chose.
import type { Message } from "../api/types";
import { t } from "../i18n/index.svelte";
import { SentenceReader } from "../markdown/source";
import { preferences } from "../state/preferences.svelte";
import { announcer } from "../ui/announcer.svelte";

const pauseMs = 2000;

// To be called while a component is made; what was there before is not read.
export function announceSentences(message: () => Message) {
  let reader: SentenceReader | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = "";

  const say = () => {
    timer = undefined;
    if (waiting === "") return;
    announcer.say(waiting);
    waiting = "";
    timer = setTimeout(say, pauseMs);
  };

  $effect(() => {
    const { content, status } = message();
    const running = status === "running";
    if (!reader) {
      if (!running || preferences.get("announce") !== "sentences") return;
      reader = new SentenceReader({
        code: t("announce.code"),
        formula: t("announce.formula"),
        table: t("announce.table"),
      });
      reader.take(content, false);
      return;
    }
    const said = reader.take(content, !running);
    if (!running) reader = null;
    if (said === "") return;
    waiting = waiting === "" ? said : `${waiting} ${said}`;
    if (timer === undefined) say();
  });
  $effect(() => () => clearTimeout(timer));
}
