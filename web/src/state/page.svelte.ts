// What the page knows of the server: its settings, who we are, and the stream of what changes elsewhere.
import { ApiError, explain, server } from "../api/client";
import { connection } from "../api/connection.svelte";
import { EventStream } from "../api/events";
import type { ChatSummary, MessageStatus, PageConfig, Session } from "../api/types";
import { models } from "../models/models.svelte";
import { router } from "../router.svelte";
import { chats } from "./chats.svelte";

export interface AnswerNews {
  chat: string;
  message: string;
  status: MessageStatus;
}

const retryMs = 2_000;

class Page {
  config = $state.raw<PageConfig | null>(null);
  session = $state.raw<Session | null>(null);
  // Why the page could not start; null when it did.
  problem = $state<string | null>(null);
  #events: EventStream | null = null;
  // Whether a view may have asked for something before the stream was there.
  #opened = false;
  #answerListeners = new Set<(news: AnswerNews) => void>();
  #chatListeners = new Set<(chat: ChatSummary) => void>();
  #againListeners = new Set<() => void>();

  async start(): Promise<void> {
    this.problem = null;
    try {
      this.session = await server.session();
      if (this.session.needs_key && !this.session.signed_in) {
        connection.signedOut();
        return;
      }
      connection.signedIn();
      const [config] = await Promise.all([server.config(), chats.refresh(), models.refresh()]);
      this.config = config;
      this.#listen();
    } catch (error) {
      if (connection.needsKey) return;
      // A server that starts or comes back is found without anyone asking for it; the banner says that it is away.
      if (error instanceof ApiError && error.code === "offline") {
        this.#opened = true;
        window.setTimeout(() => void this.start(), retryMs);
      } else this.problem = explain(error);
    }
  }

  async signIn(key: string): Promise<void> {
    this.session = await server.signIn(key);
    await this.start();
  }

  async signOut(): Promise<void> {
    await server.signOut();
    this.#events?.close();
    location.reload();
  }

  onAnswer(listener: (news: AnswerNews) => void): () => void {
    this.#answerListeners.add(listener);
    return () => this.#answerListeners.delete(listener);
  }

  onChat(listener: (chat: ChatSummary) => void): () => void {
    this.#chatListeners.add(listener);
    return () => this.#chatListeners.delete(listener);
  }

  // The connection is back: what changed in between is not known.
  onAgain(listener: () => void): () => void {
    this.#againListeners.add(listener);
    return () => this.#againListeners.delete(listener);
  }

  #listen() {
    this.#events?.close();
    this.#events = new EventStream("/page/events", {
      open: () => {
        if (this.#opened) {
          void chats.refresh().catch(() => {});
          for (const listener of this.#againListeners) listener();
        }
        this.#opened = true;
      },
      event: ({ type, data }) => {
        if (type === "chat") {
          const { chat } = JSON.parse(data) as { chat: ChatSummary };
          chats.changed(chat);
          for (const listener of this.#chatListeners) listener(chat);
        } else if (type === "chat_deleted") {
          const { id } = JSON.parse(data) as { id: string };
          chats.removed(id);
          if (router.route.view === "chat" && router.route.chat === id) router.go("#/", { replace: true });
        } else if (type === "chats") {
          void chats.refresh().catch(() => {});
        } else if (type === "answer") {
          const news = JSON.parse(data) as AnswerNews;
          for (const listener of this.#answerListeners) listener(news);
        }
      },
    });
  }
}

export const page = new Page();
