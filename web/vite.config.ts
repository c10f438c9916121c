import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The page of `vite dev` talks to this server.
const server = process.env.HEARTH_SERVER ?? "http://127.0.0.1:11434";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: process.env.HEARTH_PAGE_OUT ?? "dist",
    emptyOutDir: true,
    target: ["chrome111", "firefox115", "safari16.4"],
    // The page's policy allows nothing inline: no data: fonts, no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  server: { proxy: { "/page": server, "/api": server, "/v1": server } },
  test: { environment: "node", include: ["src/**/*.test.ts"], pool: "threads" },
  // Tests mount components: they need Svelte's browser build.
  resolve: process.env.VITEST ? { conditions: ["browser"] } : undefined,
});
