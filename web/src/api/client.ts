// Requests to the server. Every call gives the decoded reply or throws an ApiError with a sentence for people.
import { t } from "../i18n/index.svelte";
import { connection } from "./connection.svelte";
import type * as api from "./types";

export class ApiError extends Error {
  // code: the server's, or "offline" when it could not be reached, or "bad_reply". status: 0 when there was no reply.
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly detail: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

// What a person is told about any error.
export function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export interface RequestOptions {
  method?: string;
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  keepalive?: boolean;
}

// The reply itself, for streams and files. Throws ApiError unless it is a success.
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { "X-Hearth-Page": "1", ...options.headers };
  if (options.json !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? "GET",
      headers,
      body: options.json !== undefined ? JSON.stringify(options.json) : options.body,
      signal: options.signal,
      keepalive: options.keepalive,
      credentials: "same-origin",
      redirect: "error",
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    connection.lost();
    throw new ApiError("offline", t("error.offline"), 0);
  }
  connection.found();
  if (response.ok) return response;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  let error: { code?: unknown; message?: unknown; detail?: unknown } = {};
  try {
    const body: unknown = await response.json();
    const inner = (body as { error?: unknown }).error;
    if (typeof inner === "string") error = { message: inner };
    else if (inner && typeof inner === "object") error = inner;
  } catch {
    // Not JSON: the status has to say it.
  }
  const code = typeof error.code === "string" ? error.code : `http_${response.status}`;
  const message =
    typeof error.message === "string" ? error.message : t("error.status", { status: response.status });
  if (response.status === 401) connection.signedOut();
  return new ApiError(code, message, response.status, (error.detail ?? {}) as Record<string, unknown>);
}

async function call<Reply>(path: string, options: RequestOptions = {}): Promise<Reply> {
  const response = await request(path, options);
  if (response.status === 204) return undefined as Reply;
  try {
    return (await response.json()) as Reply;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError("bad_reply", t("error.bad_reply"), response.status);
  }
}

const get = <Reply>(path: string, signal?: AbortSignal) => call<Reply>(path, { signal });
const send = <Reply>(method: string, path: string, json?: unknown, more: RequestOptions = {}) =>
  call<Reply>(path, { method, json, ...more });
const chatPath = (id: string) => `/page/chats/${encodeURIComponent(id)}`;
const messagePath = (id: string) => `/page/messages/${encodeURIComponent(id)}`;

export const server = {
  config: () => get<api.PageConfig>("/page/config"),
  session: () => get<api.Session>("/page/session"),
  signIn: (key: string) =>
    call<api.Session>("/page/session", { method: "POST", headers: { Authorization: `Bearer ${key}` } }),
  signOut: () => send<void>("DELETE", "/page/session"),

  chats: (before: string | null = null, limit = 50) =>
    get<api.ChatPage>(`/page/chats?limit=${limit}${before ? `&before=${encodeURIComponent(before)}` : ""}`),
  createChat: (chat: { title?: string; model?: string | null; settings?: api.Settings }) =>
    send<api.Chat>("POST", "/page/chats", chat),
  chat: (id: string, signal?: AbortSignal) => get<api.ChatWithMessages>(chatPath(id), signal),
  patchChat: (id: string, patch: api.ChatPatch, more: RequestOptions = {}) =>
    send<api.Chat>("PATCH", chatPath(id), patch, more),
  deleteChat: (id: string) => send<void>("DELETE", chatPath(id)),
  restoreChat: (id: string) => send<api.Chat>("POST", `${chatPath(id)}/restore`, {}),
  deleteAllChats: () => send<{ undo: string }>("DELETE", "/page/chats"),
  restoreChats: (undo: string) => send<void>("POST", "/page/chats/restore", { undo }),

  search: (words: string, signal?: AbortSignal) =>
    get<{ hits: api.SearchHit[] }>(`/page/search?limit=30&q=${encodeURIComponent(words)}`, signal),
  exportChatAddress: (id: string, format: "markdown" | "json") => `${chatPath(id)}/export?format=${format}`,
  exportAllAddress: "/page/export",
  importChats: (file: Blob) => 
    // A file would send a type of its own, which tells nothing: the server looks at what is in it.
    call<api.ImportReport>("/page/import", {
      method: "POST",
      body: file,
      headers: { "Content-Type": "application/json" },
    }),

  presets: () => get<{ presets: api.Preset[] }>("/page/presets"),
  putPresets: (presets: api.Preset[]) => send<{ presets: api.Preset[] }>("PUT", "/page/presets", { presets }),

  postMessage: (chat: string, message: api.NewMessage) =>
    send<{ user: api.Message; answer: api.Message }>("POST", `${chatPath(chat)}/messages`, message),
  regenerate: (id: string, wish: { model?: string | null; settings?: api.Settings }) =>
    send<{ answer: api.Message }>("POST", `${messagePath(id)}/regenerate`, wish),
  continueAnswer: (id: string) => send<{ answer: api.Message }>("POST", `${messagePath(id)}/continue`, {}),
  stopAnswer: (id: string) => send<api.Message>("POST", `${messagePath(id)}/stop`, {}),
  deleteMessage: (id: string) => send<void>("DELETE", messagePath(id)),
  answerEventsPath: (id: string) => `${messagePath(id)}/events`,

  count: (
    wish: {
      chat: string | null;
      parent: string | null;
      content: string;
      attachments: api.Attachment[];
      model: string | null;
      settings: api.Settings;
    },
    signal?: AbortSignal,
  ) => call<api.TokenCount>("/page/count", { method: "POST", json: wish, signal }),

  models: () => get<{ models: api.ModelTag[] }>("/api/tags"),
  loadedModels: () => get<{ models: api.LoadedModel[]; memory: api.PlannedMemory }>("/api/ps"),
  showModel: (model: string) => send<api.ModelInfo>("POST", "/api/show", { model }),
  loadModel: (model: string) => send<void>("POST", "/api/generate", { model, stream: false }),
  unloadModel: (model: string) => send<void>("POST", "/api/generate", { model, stream: false, keep_alive: 0 }),
  // Its reply is empty.
  deleteModel: async (model: string) => {
    await request("/api/delete", { method: "DELETE", json: { model } });
  },

  status: () => get<api.ServerStatus>("/page/status"),
  // null: the server still measures the machine.
  async fit(): Promise<api.Fit | null> {
    const response = await request("/page/fit");
    return response.status === 202 ? null : ((await response.json()) as api.Fit);
  },
};
