// One open chat: its tree of messages, the path that is seen, what is being written, what waits to be sent.
import { ApiError, explain, server } from "../api/client";
import {
  noSettings,
  type Attachment,
  type Chat,
  type ChatPatch,
  type ChatSummary,
  type Message,
  type Settings,
} from "../api/types";
import { t } from "../i18n/index.svelte";
import { models } from "../models/models.svelte";
import { chatAddress, router } from "../router.svelte";
import { chats } from "../state/chats.svelte";
import { page, type AnswerNews } from "../state/page.svelte";
import { preferences } from "../state/preferences.svelte";
import { announcer } from "../ui/announcer.svelte";
import { toasts } from "../ui/toasts.svelte";
import { LiveAnswer } from "./live_answer.svelte";
import { leafBelow, newestLeaf, pathTo, siblings, subtree, turns, type Messages } from "./tree";

export interface Outgoing {
  content: string;
  attachments: Attachment[];
}

// A prompt that the model's context does not hold.
export interface TooLong {
  prompt_tokens: number;
  context_length: number;
}

export class Conversation {
  // null: a new one, which the server does not know yet.
  id = $state<string | null>(null);
  title = $state("");
  pinned = $state(false);
  model = $state<string | null>(null);
  settings = $state<Settings>({ ...noSettings });
  messages = $state<Messages>({});
  leaf = $state<string | null>(null);
  draft = "";
  loading = $state(false);
  problem = $state<string | null>(null);
  // On its way to the server.
  pending = $state.raw<Outgoing | null>(null);
  // Is sent when the present answer is done.
  queued = $state.raw<Outgoing | null>(null);
  tooLong = $state.raw<TooLong | null>(null);
  // Rises with each message sent from here: the view goes to the question.
  sent = $state(0);
  #live = $state.raw<ReadonlyMap<string, LiveAnswer>>(new Map());
  #closed = false;
  #loaded = false;
  #patch: ChatPatch = {};
  #patchTimer = 0;
  readonly #undo: (() => void)[];

  readonly path = $derived(pathTo(this.messages, this.leaf));
  readonly turns = $derived(turns(this.path));
  readonly last = $derived(this.path.at(-1) ?? null);
  readonly running = $derived(this.last?.status === "running" ? this.last : null);
  // The model that would answer.
  readonly effectiveModel = $derived(
    this.model ?? preferences.get("model") ?? models.standard(page.config?.default_model ?? null),
  );

  constructor(id: string | null) {
    this.id = id;
    this.#undo = [
      page.onAnswer((news) => this.#news(news)),
      page.onChat((chat) => this.#changed(chat)),
      page.onAgain(() => void this.load(true)),
    ];
  }

  close() {
    this.#closed = true;
    for (const undo of this.#undo) undo();
    for (const live of this.#live.values()) live.close();
    this.flush();
  }

  live(id: string): LiveAnswer | undefined {
    return this.#live.get(id);
  }

  branches(message: Message): Message[] {
    return siblings(this.messages, message);
  }

  // again: what is here stays, what is new is added.
  async load(again = false): Promise<void> {
    if (this.id === null) return;
    again &&= this.#loaded;
    this.loading = !again;
    this.problem = null;
    try {
      const { chat, messages } = await server.chat(this.id);
      if (this.#closed) return;
      this.#loaded = true;
      this.#changed(chat);
      if (!again) {
        this.model = chat.model;
        this.settings = { ...noSettings, ...chat.settings };
        this.draft = chat.draft;
      }
      for (const message of messages) if (!this.#live.has(message.id)) this.#put(message);
      const leaf = chat.leaf && this.messages[chat.leaf] ? chat.leaf : newestLeaf(this.messages);
      // A path that another window went on with is followed; a branch that is looked at here stays.
      if (!again || this.leaf === null || pathTo(this.messages, leaf).some(({ id }) => id === this.leaf))
        this.leaf = leaf;
    } catch (error) {
      if (!again && !this.#closed)
        this.problem = error instanceof ApiError && error.status === 404 ? t("chat.gone") : explain(error);
    } finally {
      this.loading = false;
    }
  }

  #put(message: Message) {
    this.messages[message.id] = message;
    if (message.status === "running") this.#follow(message.id);
  }

  #follow(id: string) {
    this.#live.get(id)?.close();
    const live = new LiveAnswer(
      this.messages[id],
      (message) => {
        this.#unfollow(id);
        Object.assign(this.messages[id], message);
        if (message.status === "failed") announcer.say(t("announce.failed"));
        else announcer.say(t("announce.finished"));
        this.#sendQueued();
      },
      () => {
        this.#unfollow(id);
        void this.load(true);
      },
    );
    this.#live = new Map(this.#live).set(id, live);
  }

  #unfollow(id: string) {
    const rest = new Map(this.#live);
    rest.delete(id);
    this.#live = rest;
  }

  #news({ chat, message, status }: AnswerNews) {
    if (chat !== this.id || this.#live.has(message)) return;
    const known = this.messages[message];
    if (!known || known.status !== status) void this.load(true);
  }

  #changed(chat: ChatSummary | Chat) {
    if (chat.id !== this.id) return;
    this.title = chat.title;
    this.pinned = chat.pinned;
  }

  // Sends, or puts it in the queue while an answer is written. False: it was not taken, and what to do is said.
  async send(outgoing: Outgoing): Promise<boolean> {
    if (this.running || this.pending) {
      const before = this.queued;
      this.queued = before
        ? {
            content: `${before.content}\n\n${outgoing.content}`,
            attachments: [...before.attachments, ...outgoing.attachments],
          }
        : outgoing;
      return true;
    }
    return this.#post(this.leaf, outgoing);
  }

  // The question again with other words, beside the first one.
  edit(message: Message, outgoing: Outgoing): Promise<boolean> {
    return this.#post(message.parent, outgoing);
  }

  async #post(parent: string | null, outgoing: Outgoing): Promise<boolean> {
    const isNew = this.id === null;
    const leafBefore = this.leaf;
    this.tooLong = null;
    this.pending = outgoing;
    if (parent !== this.leaf) this.leaf = parent;
    ++this.sent;
    try {
      if (this.id === null) {
        const chat = await server.createChat({ model: this.effectiveModel, settings: this.settings });
        this.id = chat.id;
        this.title = chat.title;
        this.#loaded = true;
      }
      const { user, answer } = await server.postMessage(this.id, {
        parent,
        content: outgoing.content,
        attachments: outgoing.attachments,
        model: this.effectiveModel,
        settings: this.settings,
      });
      this.#put(user);
      this.#put(answer);
      this.leaf = answer.id;
      announcer.say(t("announce.started"));
      if (isNew) router.go(chatAddress(this.id), { replace: true });
      return true;
    } catch (error) {
      this.leaf = leafBefore;
      if (isNew && this.id !== null) {
        void server.deleteChat(this.id).catch(() => {});
        chats.removed(this.id);
        this.id = null;
      }
      this.#refused(error);
      return false;
    } finally {
      this.pending = null;
    }
  }

  #refused(error: unknown) {
    if (error instanceof ApiError && error.code === "context_exceeded")
      this.tooLong = {
        prompt_tokens: Number(error.detail.prompt_tokens ?? 0),
        context_length: Number(error.detail.context_length ?? 0),
      };
    else toasts.error(explain(error));
  }

  #sendQueued() {
    const queued = this.queued;
    if (!queued || this.running || this.#closed) return;
    this.queued = null;
    void this.#post(this.leaf, queued).then((taken) => {
      // Refused: it waits until the reader has done something about it.
      if (!taken) this.queued = queued;
    });
  }

  // Takes back what waits.
  unqueue(): Outgoing | null {
    const queued = this.queued;
    this.queued = null;
    return queued;
  }

  async regenerate(message: Message, model: string | null = null): Promise<void> {
    if (this.running) return;
    this.tooLong = null;
    try {
      const { answer } = await server.regenerate(message.id, {
        model: model ?? this.effectiveModel,
        settings: this.settings,
      });
      this.#put(answer);
      this.leaf = answer.id;
      announcer.say(t("announce.started"));
    } catch (error) {
      this.#refused(error);
    }
  }

  async continue(message: Message): Promise<void> {
    if (this.running) return;
    try {
      const { answer } = await server.continueAnswer(message.id);
      Object.assign(this.messages[answer.id], answer);
      this.#follow(answer.id);
    } catch (error) {
      this.#refused(error);
    }
  }

  async stop(): Promise<void> {
    const running = this.running;
    if (!running) return;
    try {
      const stopped = await server.stopAnswer(running.id);
      if (stopped.status !== "running") {
        this.#live.get(running.id)?.close();
        this.#unfollow(running.id);
        Object.assign(this.messages[running.id], stopped);
        this.#sendQueued();
      }
    } catch (error) {
      toasts.error(explain(error));
    }
  }

  // Shows the path through `id`.
  show(id: string) {
    if (!this.messages[id] || this.path.some((message) => message.id === id)) return;
    this.leaf = leafBelow(this.messages, id);
    this.save({ leaf: this.leaf });
  }

  async deleteMessage(message: Message): Promise<void> {
    try {
      await server.deleteMessage(message.id);
    } catch (error) {
      return toasts.error(explain(error));
    }
    const others = siblings(this.messages, message).filter(({ id }) => id !== message.id);
    for (const id of subtree(this.messages, message.id)) {
      this.#live.get(id)?.close();
      this.#unfollow(id);
      delete this.messages[id];
    }
    if (this.leaf === null || this.messages[this.leaf]) return;
    const next = others.at(-1)?.id ?? message.parent;
    this.leaf = next === null ? newestLeaf(this.messages) : others.length ? leafBelow(this.messages, next) : next;
  }

  chooseModel(name: string) {
    this.model = name;
    preferences.set("model", name);
    this.save({ model: name });
  }

  changeSettings(settings: Settings) {
    this.settings = settings;
    this.tooLong = null;
    this.save({ settings: $state.snapshot(settings) });
  }

  // Tells the server a moment later, all changes of that moment in one request. A new chat takes them along when it is
  // made.
  save(patch: ChatPatch) {
    if (this.id === null) return;
    this.#patch = { ...this.#patch, ...patch };
    clearTimeout(this.#patchTimer);
    this.#patchTimer = window.setTimeout(() => this.flush(), 500);
  }

  // At once, even while the page is being left.
  flush() {
    clearTimeout(this.#patchTimer);
    if (this.id === null || Object.keys(this.#patch).length === 0) return;
    const patch = this.#patch;
    this.#patch = {};
    const small = JSON.stringify(patch).length < 60_000;
    void server.patchChat(this.id, patch, { keepalive: small }).catch(() => {});
  }
}
