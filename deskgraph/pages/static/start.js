// Puts the login bar and GraphiQL on the page.

import { mountBar } from "./bar.js";
import { createFetcher } from "./fetcher.js";
import { graphqlLogins } from "./logins.js";
import { Session } from "./session.js";
import { defaultTabs, linkedTab } from "./tabs.js";

const ENDPOINT = "graphql";

export function start({ createElement, createRoot, GraphiQL, plugins, parse, print }) {
  const config = JSON.parse(document.getElementById("page-config").textContent);
  const session = new Session(graphqlLogins(ENDPOINT), config.lastingLogin);
  const root = createRoot(document.getElementById("graphiql"));
  const linked = linkedTab(location.search, { parse, print });
  const tabs = [...(linked ? [linked] : []), ...defaultTabs(config.samples)];
  let person = session.user;
  let key = 0;

  const render = () => {
    const props = {
      key,
      plugins,
      // GraphiQL reads the schema again whenever it is given another fetcher.
      fetcher: createFetcher(ENDPOINT, session, (params) => operationOf(parse, params)),
      defaultTabs: tabs,
      // Where there are editors already, one more is opened for it.
      ...(linked && { initialQuery: linked.query, initialVariables: linked.variables ?? undefined }),
      defaultEditorToolsVisibility: true,
      inputValueDeprecation: true,
      shouldPersistHeaders: false,
      // Tabs and history hold what was typed, a password in a `login` mutation, too: they outlive
      // the browser tab only where logins do.
      storage: config.lastingLogin ? localStorage : sessionStorage,
    };
    root.render(createElement(GraphiQL, props));
  };

  session.addEventListener("change", ({ detail: { user, message } }) => {
    // What one person was answered is not left on the screen for the next one. A login that has
    // merely ended stays that person's: the last answer says why, and they may log in again.
    if (!message) {
      if (person && person.username !== user?.username) key += 1;
      person = user;
    }
    render();
  });
  mountBar(session, config.demoLogins);
  render();
}

/**
 * For a moment after a change of tab GraphiQL still names, and has parsed, the operation of the tab
 * before, so neither is relied on.
 */
function operationOf(parse, { query, operationName }) {
  try {
    const operations = parse(query).definitions.filter(({ operation }) => operation);
    const named = operations.find(({ name }) => name?.value === operationName);
    const found = named ?? (operations.length === 1 ? operations[0] : undefined);
    return found && { operation: found.operation, name: found.name?.value };
  } catch {
    return undefined;
  }
}
