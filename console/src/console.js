// The entry of the bundle: GraphiQL 5 with its editor's workers, all served from one folder.

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { parse, print } from "graphql";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { start } from "../../deskgraph/pages/static/start.js";

import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "../../deskgraph/pages/static/bar.css";

// What the build has called the workers, by the names of their languages.
const WORKERS = WORKER_FILES;

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    return new Worker(new URL(WORKERS[label] ?? WORKERS.editor, import.meta.url));
  },
};

start({
  createElement,
  createRoot,
  GraphiQL,
  plugins: [HISTORY_PLUGIN, explorerPlugin()],
  parse,
  print,
});
