// The entry without a build: the scripts before this one left GraphiQL in global variables.

import { start } from "./start.js";

const { GraphiQL, GraphiQLPluginExplorer, React, ReactDOM } = window;

start({
  createElement: React.createElement,
  createRoot: ReactDOM.createRoot,
  GraphiQL,
  plugins: [GraphiQLPluginExplorer.explorerPlugin()],
  parse: GraphiQL.GraphQL.parse,
  print: GraphiQL.GraphQL.print,
  opening: ({ query, variables }) => ({ query, variables: variables ?? undefined }),
});
