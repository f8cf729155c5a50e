import { defineConfig } from "vite";

// The package: modules, of which a bundler takes what is used.
export default defineConfig({
  root: import.meta.dirname,
  build: {
    target: "es2022",
    outDir: "dist/npm",
    lib: { entry: { fresnel: "src/fresnel.ts", vitals: "src/vitals.ts" }, formats: ["es"] },
    reportCompressedSize: false,
  },
});
