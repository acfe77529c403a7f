// The entry of the bundle: GraphiQL 5 with its editor's workers, all served from one folder.

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { parse, print } from "graphql";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { start } from "../../server/console/static/start.js";

import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "../../server/console/static/bar.css";

const WORKERS = { graphql: "graphql.worker.js", json: "json.worker.js" };

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    return new Worker(new URL(WORKERS[label] ?? "editor.worker.js", import.meta.url));
  },
};

start({
  createElement,
  createRoot,
  GraphiQL,
  plugins: [HISTORY_PLUGIN, explorerPlugin()],
  parse,
  print,
  opening: ({ query, variables }) => ({
    initialQuery: query,
    initialVariables: variables ?? undefined,
  }),
});
