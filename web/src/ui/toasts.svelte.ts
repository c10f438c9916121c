// Short notes at the edge of the page. One with an action (undo) stays ten seconds and longer while it is looked at.
export interface Toast {
  id: number;
  text: string;
  kind: "note" | "error";
  action?: { label: string; act: () => void };
}

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;
  #timers = new Map<number, number>();

  show(text: string, options: { kind?: Toast["kind"]; action?: Toast["action"] } = {}): number {
    const id = this.#next++;
    this.list.push({ id, text, kind: options.kind ?? "note", action: options.action });
    if (this.list.length > 4) this.close(this.list[0].id);
    this.resume(id);
    return id;
  }

  error(text: string) {
    this.show(text, { kind: "error" });
  }

  close(id: number) {
    this.pause(id);
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  pause(id: number) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  resume(id: number) {
    const toast = this.list.find((entry) => entry.id === id);
    if (!toast) return;
    this.pause(id);
    const stay = toast.action || toast.kind === "error" ? 10_000 : 4_000;
    this.#timers.set(
      id,
      window.setTimeout(() => this.close(id), stay),
    );
  }
}

export const toasts = new Toasts();
