// Places of the page, in the address behind '#', so that they can be linked, gone back to and kept open by a reload.

export type Route =
  | { view: "chat"; chat: string | null; message: string | null }
  | { view: "models" }
  | { view: "status" }
  | { view: "settings" };

export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decode);
  switch (parts[0]) {
    case "models":
    case "status":
    case "settings":
      return { view: parts[0] };
    case "chat":
      return { view: "chat", chat: parts[1] ?? null, message: parts[2] ?? null };
    default:
      return { view: "chat", chat: null, message: null };
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function chatAddress(chat: string, message: string | null = null): string {
  return `#/chat/${encodeURIComponent(chat)}${message ? `/${encodeURIComponent(message)}` : ""}`;
}

class Router {
  route = $state.raw<Route>(parseRoute(typeof location === "undefined" ? "" : location.hash));

  start() {
    addEventListener("hashchange", () => (this.route = parseRoute(location.hash)));
  }

  // replace: the place takes the present one's entry in the history.
  go(address: string, { replace = false } = {}) {
    if (replace) history.replaceState(null, "", address);
    else if (location.hash !== address) history.pushState(null, "", address);
    this.route = parseRoute(address);
  }
}

export const router = new Router();
