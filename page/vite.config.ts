import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";
import { dependencies } from "./package.json";

// Names without a hash: the same sources give the same files, and a test compares them.
const names = { entryFileNames: "[name].js", chunkFileNames: "[name].js", assetFileNames: "[name].[ext]" };

/** Writes the licences of what is built in, the worker's included, which Vite's own list leaves out. */
function licences(): Plugin {
  const text = (name: string) => readFileSync(`node_modules/${name}/LICENSE`, "utf-8").trim();
  const source = Object.keys(dependencies).map((name) => `# ${name}\n\n${text(name)}\n`);
  return {
    name: "licences",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "licenses.md", source: source.join("\n") });
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [licences()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/api": "http://127.0.0.1:8317" } },
  build: {
    outDir: "../otel_eda/serve/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { page: "index.html" }, output: names },
  },
  worker: { format: "es", rollupOptions: { output: names } },
});
