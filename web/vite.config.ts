import { defineConfig } from "vite";

// `make build` and the tests serve what this makes; `npx vite web` serves the sources beside a running Fresnel.
export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // Pages of older browsers would load it twice; none that has the features above needs it.
    modulePreload: { polyfill: false },
    // The policy of the page allows no `data:` but for images.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/fresnel.js", "/readyz"].map((path) => [path, "http://127.0.0.1:8080"]),
    ),
  },
});
