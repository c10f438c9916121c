// The models that the server has, and what is loaded: one list for the chooser, the manager and the first-run card.
import { explain, server } from "../api/client";
import type { LoadedModel, ModelTag, PlannedMemory } from "../api/types";
import { sameModel } from "./model_name";

class Models {
  list = $state.raw<ModelTag[]>([]);
  loaded = $state.raw<LoadedModel[]>([]);
  memory = $state.raw<PlannedMemory | null>(null);
  // Whether the lists have come once; until then an empty list says nothing.
  known = $state(false);
  error = $state<string | null>(null);
  // Models that are being loaded or unloaded, by name.
  busy = $state.raw<ReadonlySet<string>>(new Set());

  // Those that can answer in a chat.
  readonly chatting = $derived(
    this.list.filter((model) => model.capabilities?.includes("completion") ?? true),
  );
  // Nobody has brought a model yet: at most the one that comes with Hearth is there.
  readonly onlyBuiltIn = $derived(this.list.every((model) => model.built_in));
  readonly diskBytes = $derived(this.list.reduce((sum, model) => sum + model.size, 0));

  #running: Promise<void> | null = null;

  // Calls while one is under way share its replies.
  refresh(): Promise<void> {
    this.#running ??= this.#fetch().finally(() => (this.#running = null));
    return this.#running;
  }

  async #fetch() {
    try {
      const [tags, loaded] = await Promise.all([server.models(), server.loadedModels()]);
      this.list = tags.models;
      this.loaded = loaded.models;
      this.memory = loaded.memory;
      this.known = true;
      this.error = null;
    } catch (error) {
      this.error = explain(error);
    }
  }

  // The model of a new chat where nothing says otherwise: the one that the server has proposed, but no longer the
  // built-in one when there is another.
  standard(proposed: string | null): string | null {
    const brought = this.chatting.filter((model) => !model.built_in);
    if (brought.length === 0) return proposed ?? this.chatting[0]?.name ?? null;
    const same = brought.find((model) => proposed !== null && sameModel(model.name, proposed));
    return (same ?? brought[0]).name;
  }

  find(name: string): ModelTag | undefined {
    return this.list.find((model) => sameModel(model.name, name));
  }

  loadedState(name: string): LoadedModel | undefined {
    return this.loaded.find((model) => sameModel(model.name, name));
  }

  // Throws ApiError.
  load = (name: string) => this.#change(name, () => server.loadModel(name));
  unload = (name: string) => this.#change(name, () => server.unloadModel(name));
  remove = (name: string) => this.#change(name, () => server.deleteModel(name));

  async #change(name: string, act: () => Promise<void>) {
    this.busy = new Set([...this.busy, name]);
    try {
      await act();
    } finally {
      this.busy = new Set([...this.busy].filter((other) => other !== name));
      this.#running = null; // a fetch that began before does not know of it
      await this.refresh();
    }
  }
}

export const models = new Models();
