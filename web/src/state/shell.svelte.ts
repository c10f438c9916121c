// How the shell stands: the sidebar (a drawer on phones), the search, the list of shortcuts.
import { preferences } from "./preferences.svelte";

const narrow = typeof matchMedia === "undefined" ? null : matchMedia("(max-width: 48rem)");

class Shell {
  narrow = $state(narrow?.matches ?? false);
  drawer = $state(false);
  searching = $state(false);
  keysShown = $state(false);

  constructor() {
    narrow?.addEventListener("change", () => {
      this.narrow = narrow.matches;
      this.drawer = false;
    });
  }

  get sidebar(): boolean {
    return this.narrow ? this.drawer : preferences.get("sidebar");
  }

  toggleSidebar() {
    if (this.narrow) this.drawer = !this.drawer;
    else preferences.set("sidebar", !preferences.get("sidebar"));
  }
}

export const shell = new Shell();
