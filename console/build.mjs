// Bundles the console into server/console/dist: nothing in it is fetched from elsewhere.

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const outdir = join(here, "../server/console/dist");

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  legalComments: "none", // every licence is written in full to LICENSES.txt instead
  define: { "process.env.NODE_ENV": '"production"' },
  target: ["chrome111", "firefox115", "safari16.4"],
  outdir,
  logLevel: "warning",
};

// graphiql/style.css already holds the editor's styles; without this every chunk would repeat them.
const withoutEditorStyles = {
  name: "without-editor-styles",
  setup(build) {
    build.onLoad({ filter: /monaco-editor[\\/].*\.css$/ }, () => ({ contents: "", loader: "empty" }));
  },
};

function page() {
  return esbuild.build({
    ...shared,
    entryPoints: { console: "src/console.js" },
    format: "esm",
    splitting: true,
    chunkNames: "chunk-[hash]",
    plugins: [withoutEditorStyles],
  });
}

function workers() {
  return esbuild.build({
    ...shared,
    format: "iife",
    entryPoints: {
      "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
      "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
      "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
    },
  });
}

/** The licences of the packages whose code is in the bundles; most of them ask to travel along. */
function licences(metafiles) {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const folders = inputs.map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]);
  return [...new Set(folders)].filter(Boolean).sort().map(licence).join("\n");
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(here, folder, "package.json")));
  const file = readdirSync(join(here, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(here, folder, file), "utf8").trim() : "";
  return `${"=".repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`;
}

rmSync(outdir, { recursive: true, force: true });
const results = await Promise.all([page(), workers()]);
writeFileSync(join(outdir, "LICENSES.txt"), licences(results.map((result) => result.metafile)));
const sizes = readdirSync(outdir).map((name) => statSync(join(outdir, name)).size);
const total = sizes.reduce((sum, size) => sum + size, 0);
console.log(`console: ${sizes.length} files, ${Math.round(total / 1024)} kB`);
