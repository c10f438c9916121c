// A chat is a tree: an edited question or a regenerated answer is a sibling. What is seen is one path through it.
import type { Message } from "../api/types";

export type Messages = Record<string, Message>;

// From the first message to `leaf`. Empty where there is no such leaf.
export function pathTo(messages: Messages, leaf: string | null): Message[] {
  const path: Message[] = [];
  const seen = new Set<string>();
  for (let id = leaf; id !== null && messages[id] && !seen.has(id); id = messages[id].parent) {
    seen.add(id);
    path.push(messages[id]);
  }
  return path.reverse();
}

// Those with the same parent and role, oldest first; the message is among them.
export function siblings(messages: Messages, message: Message): Message[] {
  return Object.values(messages)
    .filter((other) => other.parent === message.parent && other.role === message.role)
    .sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
}

// The end of the newest path through `id`.
export function leafBelow(messages: Messages, id: string): string {
  const newest = new Map<string, Message>();
  for (const message of Object.values(messages)) {
    if (message.parent === null) continue;
    const known = newest.get(message.parent);
    if (!known || message.created >= known.created) newest.set(message.parent, message);
  }
  const seen = new Set<string>();
  for (let next = newest.get(id); next && !seen.has(next.id); next = newest.get(id)) {
    id = next.id;
    seen.add(id);
  }
  return id;
}

// The newest message of all, where a chat does not say which path it shows.
export function newestLeaf(messages: Messages): string | null {
  let newest: Message | null = null;
  for (const message of Object.values(messages))
    if (!newest || message.created > newest.created) newest = message;
  return newest ? leafBelow(messages, newest.id) : null;
}

// `id` and everything that follows it.
export function subtree(messages: Messages, id: string): string[] {
  const found = [id];
  for (let at = 0; at < found.length; ++at)
    for (const message of Object.values(messages)) if (message.parent === found[at]) found.push(message.id);
  return found;
}

export interface Turn {
  // The first message's id, which stays as the turn grows.
  id: string;
  messages: Message[];
}

// A question with what answers it.
export function turns(path: Message[]): Turn[] {
  const list: Turn[] = [];
  for (const message of path) {
    if (message.role === "user" || list.length === 0) list.push({ id: message.id, messages: [message] });
    else list[list.length - 1].messages.push(message);
  }
  return list;
}
