import { defineConfig } from "vite";

// The built page is served by cti_server itself, so that page, API and WebSocket share one origin.
export default defineConfig({
  build: {
    outDir: "../cti_server/web/static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // inlined assets would need a weaker Content-Security-Policy
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "demo-phone.html"] },
  },
  ssr: { noExternal: true }, // the unit tests' build: it runs from a temporary folder
  server: { proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true } } },
});
