import { defineConfig } from "vite";

// The script tag's form: one file that leaves one name behind.
export default defineConfig({
  root: import.meta.dirname,
  build: {
    target: "es2022",
    lib: { entry: "src/script.ts", formats: ["iife"], name: "_", fileName: () => "fresnel.js" },
    reportCompressedSize: false,
  },
});
