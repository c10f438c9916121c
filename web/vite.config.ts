import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The page of `vite dev` talks to this server.
const server = process.env.HEARTH_SERVER ?? "http://127.0.0.1:11434";

// KaTeX's style sheet names each font in three formats; every browser of `target` reads the first.
const oneFontFormat: Plugin = {
  name: "one-font-format",
  enforce: "pre",
  transform: (code, id) =>
    id.includes("katex") && id.endsWith(".css")
      ? code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\([^)]*\)/g, "")
      : undefined,
};

export default defineConfig({
  plugins: [svelte(), oneFontFormat],
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
