// Keeps the shell of the page (index and hashed files), so that it opens while the server is away. Chats, files and
// anything else of the server are never kept.
const shell = "hearth-shell";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname === "/" && request.mode === "navigate") event.respondWith(index(request));
  else if (/^\/(assets|icons)\//.test(url.pathname)) event.respondWith(asset(request));
});

// The server's, and the kept one when it does not answer. A new one makes the files of the old one useless.
async function index(request) {
  const cache = await caches.open(shell);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) {
      const kept = await cache.match("/");
      const text = await fresh.clone().text();
      if (kept && (await kept.text()) !== text)
        for (const key of await cache.keys()) if (key.url.includes("/assets/")) await cache.delete(key);
      await cache.put("/", fresh.clone());
    }
    return fresh;
  } catch (error) {
    const kept = await cache.match("/");
    if (kept) return kept;
    throw error;
  }
}

async function asset(request) {
  const cache = await caches.open(shell);
  const kept = await cache.match(request);
  if (kept) return kept;
  const fresh = await fetch(request);
  if (fresh.ok) await cache.put(request, fresh.clone());
  return fresh;
}
