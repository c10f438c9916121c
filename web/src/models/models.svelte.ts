// The models on this machine.
import { server } from "../api/client";
import type { ModelTag } from "../api/types";

class Models {
  list = $state.raw<ModelTag[]>([]);
  // Whether the list has been read at least once.
  known = $state(false);

  async refresh(): Promise<void> {
    this.list = (await server.models()).models;
    this.known = true;
  }
}

export const models = new Models();
