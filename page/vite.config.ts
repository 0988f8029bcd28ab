import { defineConfig } from "vite";

// Names without a hash: the same sources give the same files, and a test compares them.
const names = { entryFileNames: "[name].js", chunkFileNames: "[name].js", assetFileNames: "[name].[ext]" };

export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../otel_eda/serve/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
    rollupOptions: { input: { page: "index.html" }, output: names },
  },
  worker: { format: "es", rollupOptions: { output: names } },
});
