// What the server says and takes at /page/* (docs/page-api.md). Times are Unix milliseconds, ids opaque.

export type Role = "user" | "assistant";
export type MessageStatus = "complete" | "running" | "stopped" | "interrupted" | "failed";

// null: the model's own default.
export interface Settings {
  system: string;
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  min_p: number | null;
  repeat_penalty: number | null;
  max_tokens: number | null;
  seed: number | null;
  thinking: boolean | null;
  num_ctx: number | null;
  preset: string | null;
}

export const noSettings: Settings = {
  system: "",
  temperature: null,
  top_p: null,
  top_k: null,
  min_p: null,
  repeat_penalty: null,
  max_tokens: null,
  seed: null,
  thinking: null,
  num_ctx: null,
  preset: null,
};

// A chat as lists have it.
export interface ChatSummary {
  id: string;
  title: string;
  title_by: "auto" | "user";
  pinned: boolean;
  created: number;
  updated: number;
  model: string | null;
  leaf: string | null;
  running: boolean;
}

export interface Chat extends ChatSummary {
  settings: Settings;
  draft: string;
}

export interface Attachment {
  name: string;
  text: string;
}

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

export interface Usage {
  prompt_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
  reasoning_tokens: number;
}

export interface Timings {
  load_ms: number;
  queue_ms: number;
  prefill_ms: number;
  decode_ms: number;
  first_token_ms: number;
}

export interface Message {
  id: string;
  chat: string;
  parent: string | null;
  role: Role;
  content: string;
  reasoning: string;
  reasoning_ms: number | null;
  tool_calls: ToolCall[];
  attachments: Attachment[];
  model: string | null;
  status: MessageStatus;
  finish: "stop" | "length" | "tool_calls" | null;
  error: { code: string; message: string } | null;
  usage: Usage | null;
  timings: Timings | null;
  created: number;
}

export interface ChatPage {
  chats: ChatSummary[];
  next: string | null;
}

export interface ChatWithMessages {
  chat: Chat;
  messages: Message[];
}

export type ChatPatch = Partial<Pick<Chat, "title" | "pinned" | "model" | "settings" | "draft" | "leaf">>;

export interface NewMessage {
  parent: string | null;
  content: string;
  attachments: Attachment[];
  model: string | null;
  settings?: Settings;
}

export interface SearchHit {
  chat: string;
  chat_title: string;
  message: string | null;
  role: Role | null;
  snippet: { text: string; hit: boolean }[];
  created: number;
}

export interface ImportReport {
  imported: number;
  skipped: { what: string; why: string }[];
  chats: string[];
}

export interface Preset {
  id: string;
  name: string;
  model: string | null;
  settings: Settings;
}

export interface Session {
  needs_key: boolean;
  signed_in: boolean;
  name: string | null;
  scopes: string[];
}

export interface PageConfig {
  version: string;
  default_model: string | null;
  needs_key: boolean;
}

export interface TokenCount {
  prompt_tokens: number;
  context_length: number;
}

// What /api/tags says of a model, as far as the page uses it.
export interface ModelTag {
  name: string;
  model: string;
  size: number;
  digest: string;
  modified_at: string;
  details: { family?: string; parameter_size?: string; quantization_level?: string };
  capabilities?: string[];
  built_in?: true; // comes with Hearth, and cannot be removed
}

// A model in memory, as /api/ps has it.
export interface LoadedModel {
  name: string;
  size: number; // bytes of memory, all parts
  expires_at: string; // in a far century where it stays
  context_length: number;
  memory: {
    weight_bytes: number;
    kv_full_bytes: number;
    kv_sliding_bytes: number;
    prefix_bytes: number;
    activation_bytes: number;
    logit_bytes: number;
    scratch_bytes: number;
    embedder_bytes: number;
  };
}

export interface PlannedMemory {
  budget_bytes: number;
  planned_bytes: number;
  anonymous_bytes: number;
  mapped_bytes: number;
}

// What /api/show says of a model, as far as the page uses it.
export interface ModelInfo {
  modelfile: string;
  parameters?: string;
  template: string;
  system?: string;
  license?: string;
  details: ModelTag["details"];
  model_info: Record<string, unknown>;
  capabilities?: string[];
}

export interface RequestRecord {
  id: string;
  time: number;
  client: string;
  dialect: string;
  route: string;
  model: string;
  status: number; // of HTTP
  queue_ms: number;
  load_ms: number;
  prefill_ms: number;
  decode_ms: number;
  prompt_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
}

export interface RunningRequest {
  id: string;
  prompt_tokens: number;
  cached_tokens: number;
  read_tokens: number;
  generated_tokens: number;
}

export interface ServerStatus {
  uptime_ms: number;
  version: string;
  models: {
    name: string;
    weights_bytes: number;
    cache_bytes: number;
    scratch_bytes: number;
    other_bytes: number;
    expires: number | null;
    running: RunningRequest[];
  }[];
  memory: PlannedMemory;
  tokens: { read: number; written: number }; // since the server's start
  queue: number;
  running: number;
  cache: { memory_hits: number; memory_tokens: number; disk_hits: number; disk_tokens: number };
  requests: RequestRecord[];
  bandwidth: { limit_gbps: number | null; share: number | null };
}

export interface FitModel {
  name: string;
  pull: string;
  size_bytes: number;
  memory_bytes: number;
  prefill_tps: number | null;
  decode_tps: number | null; // null for models that only read
  verdict: "fits" | "tight" | "no";
  good_for: string[];
}

// Which known models suit this machine.
export interface Fit {
  machine: { memory_bytes: number; read_gbps: number; int8_gmacs: number };
  models: FitModel[];
  best: { chat: string | null; reasoning: string | null; documents: string | null };
}

// Events of /page/messages/ID/events.
export type AnswerEvent =
  | { type: "snapshot"; data: { message: Message } }
  | { type: "progress"; data: { total: number; cached: number; processed: number } }
  | { type: "state"; data: { state: "loading" | "queued" | "reading" | "writing" } }
  | { type: "reasoning"; data: { text: string } }
  | { type: "text"; data: { text: string } }
  | { type: "tool"; data: { index: number; id: string; name: string; arguments: string } }
  | { type: "end"; data: { message: Message } };

// Events of /page/events.
export type PageEvent =
  | { type: "chat"; data: { chat: ChatSummary } }
  | { type: "chat_deleted"; data: { id: string } }
  | { type: "answer"; data: { chat: string; message: string; status: MessageStatus } };
