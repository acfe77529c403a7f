// Bundles the console into deskgraph/console/dist: nothing in it is fetched from elsewhere. Names have
// the hash of the content in them, so browsers may keep the files; manifest.json tells the names.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import * as esbuild from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const outdir = join(here, "../deskgraph/console/dist");

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  legalComments: "none", // every licence is written in full to LICENSES.txt instead
  define: { "process.env.NODE_ENV": '"production"' },
  target: ["chrome111", "firefox115", "safari16.4"],
  outdir,
  entryNames: "[name]-[hash]",
  logLevel: "warning",
};

// graphiql/style.css already holds the editor's styles; without this every chunk would repeat them.
const withoutEditorStyles = {
  name: "without-editor-styles",
  setup(build) {
    build.onLoad({ filter: /monaco-editor[\\/].*\.css$/ }, () => ({ contents: "", loader: "empty" }));
  },
};

function page(workerFiles) {
  return esbuild.build({
    ...shared,
    define: { ...shared.define, WORKER_FILES: JSON.stringify(workerFiles) },
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

/** The names of the built files, by those of their entries. */
function builtNames({ metafile }) {
  const names = Object.keys(metafile.outputs).map((path) => basename(path));
  const entries = names.filter((name) => !name.startsWith("chunk-"));
  return Object.fromEntries(entries.map((name) => [name.replace(/-[A-Z0-9]{8}\./, "."), name]));
}

/** Lays each file there compressed as well, as deskgraph/pages serves them. */
async function compress(name) {
  const content = readFileSync(join(outdir, name));
  // The best quality takes ten times as long for a tenth less.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
  const forms = {
    ".br": await promisify(brotliCompress)(content, { params }),
    ".gz": await promisify(gzip)(content, { level: 9 }),
  };
  for (const [suffix, form] of Object.entries(forms)) writeFileSync(join(outdir, name + suffix), form);
  return forms[".br"].length;
}

rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
const builtWorkers = await workers();
const workerNames = builtNames(builtWorkers);
const builtPage = await page({
  editor: workerNames["editor.worker.js"],
  graphql: workerNames["graphql.worker.js"],
  json: workerNames["json.worker.js"],
});
const files = readdirSync(outdir);
const sizes = files.map((name) => statSync(join(outdir, name)).size);
const compressed = await Promise.all(files.map(compress));
const metafiles = [builtPage, builtWorkers].map((result) => result.metafile);
writeFileSync(join(outdir, "LICENSES.txt"), licences(metafiles));
// Last: what has a manifest is complete.
const manifest = { ...builtNames(builtPage), ...workerNames };
writeFileSync(join(outdir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
const kilobytes = (numbers) => Math.round(numbers.reduce((sum, size) => sum + size, 0) / 1024);
console.log(
  `console: ${files.length} files, ${kilobytes(sizes)} kB, compressed ${kilobytes(compressed)} kB`,
);
