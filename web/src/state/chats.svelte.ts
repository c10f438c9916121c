// The chats of the sidebar: pinned ones, then the newest; a page at a time, kept up to date by the server's events.
import { ApiError, explain, server } from "../api/client";
import type { ChatPatch, ChatSummary } from "../api/types";
import { t } from "../i18n/index.svelte";
import { chatAddress, router } from "../router.svelte";
import { toasts } from "../ui/toasts.svelte";

class Chats {
  #byId = $state<Record<string, ChatSummary>>({});
  #next = $state<string | null>(null);
  #oldest = Infinity;
  // Whether the first page has been read.
  known = $state(false);
  loading = $state(false);

  readonly list = $derived(
    Object.values(this.#byId).sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updated - a.updated),
  );

  get more(): boolean {
    return this.#next !== null;
  }

  find(id: string): ChatSummary | undefined {
    return this.#byId[id];
  }

  // Reads the first page anew: at the start and after a lost connection, when events may have been missed.
  async refresh(): Promise<void> {
    const page = await server.chats();
    this.#byId = Object.fromEntries(page.chats.map((chat) => [chat.id, chat]));
    this.#setNext(page.next, page.chats);
    this.known = true;
  }

  async loadMore(): Promise<void> {
    if (this.loading || this.#next === null) return;
    this.loading = true;
    try {
      const page = await server.chats(this.#next);
      for (const chat of page.chats) this.#byId[chat.id] = chat;
      this.#setNext(page.next, page.chats);
    } catch (error) {
      toasts.error(explain(error));
    } finally {
      this.loading = false;
    }
  }

  #setNext(next: string | null, page: ChatSummary[]) {
    this.#next = next;
    this.#oldest = next === null ? -Infinity : Math.min(...page.map((chat) => chat.updated));
  }

  // A chat was made or changed, here or elsewhere.
  changed(chat: ChatSummary) {
    // One that is older than what was read yet comes with its page.
    if (!this.#byId[chat.id] && !chat.pinned && chat.updated < this.#oldest) return;
    const { id, title, title_by, pinned, created, updated, model, leaf, running } = chat;
    this.#byId[id] = { id, title, title_by, pinned, created, updated, model, leaf, running };
  }

  removed(id: string) {
    delete this.#byId[id];
  }

  async patch(id: string, patch: ChatPatch): Promise<void> {
    const before = this.#byId[id];
    if (before) this.#byId[id] = { ...before, ...(patch as Partial<ChatSummary>) };
    try {
      this.changed(await server.patchChat(id, patch));
    } catch (error) {
      if (before) this.#byId[id] = before;
      toasts.error(explain(error));
    }
  }

  // Deletes at once; the note that says so has the way back.
  async remove(id: string): Promise<void> {
    const before = this.#byId[id];
    const open = router.route.view === "chat" && router.route.chat === id;
    try {
      await server.deleteChat(id);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) return toasts.error(explain(error));
    }
    this.removed(id);
    if (open) router.go("#/");
    toasts.show(t("chats.deleted", { title: before?.title || t("chat.untitled") }), {
      action: {
        label: t("undo"),
        act: async () => {
          try {
            this.changed(await server.restoreChat(id));
            if (open) router.go(chatAddress(id));
          } catch (error) {
            toasts.error(explain(error));
          }
        },
      },
    });
  }

  async removeAll(): Promise<void> {
    try {
      const { undo } = await server.deleteAllChats();
      this.#byId = {};
      this.#setNext(null, []);
      router.go("#/");
      toasts.show(t("chats.all_deleted"), {
        action: {
          label: t("undo"),
          act: async () => {
            try {
              await server.restoreChats(undo);
              await this.refresh();
            } catch (error) {
              toasts.error(explain(error));
            }
          },
        },
      });
    } catch (error) {
      toasts.error(explain(error));
    }
  }

  async importFile(file: File): Promise<void> {
    try {
      const report = await server.importChats(file);
      await this.refresh();
      const skipped = report.skipped.map(({ what, why }) => `${what}: ${why}`).join("\n");
      toasts.show(
        [t("chats.imported", { count: report.imported }), skipped && t("chats.skipped", { what: skipped })]
          .filter(Boolean)
          .join(" "),
      );
      if (report.chats.length === 1) router.go(chatAddress(report.chats[0]));
    } catch (error) {
      toasts.error(explain(error));
    }
  }
}

export const chats = new Chats();
