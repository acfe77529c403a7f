// Puts the login bar and GraphiQL on the page. Which GraphiQL is the caller's choice: the one
// bundled by `make console`, or the one that the page loads from a CDN.

import { mountBar } from "./bar.js";
import { Session } from "./session.js";
import { subscribe } from "./subscription.js";
import { defaultTabs, linkedTab } from "./tabs.js";

export function start({ createElement, createRoot, GraphiQL, plugins, parse, print, opening }) {
  const config = JSON.parse(document.getElementById("console-config").textContent);
  const session = new Session("/graphql");
  const root = createRoot(document.getElementById("graphiql"));
  const linked = linkedTab(location.search, { parse, print });
  const tabs = [...(linked ? [linked] : []), ...defaultTabs(config.sampleCompanyId)];
  let person = session.user;
  let key = 0;

  const render = () => {
    const props = {
      key,
      plugins,
      // GraphiQL reads the schema again whenever it is given another fetcher.
      fetcher: createFetcher(session, parse),
      defaultTabs: tabs,
      // Where this browser tab has editors already, one more is opened for it.
      ...(linked && opening(linked)),
      defaultEditorToolsVisibility: true,
      inputValueDeprecation: true,
      shouldPersistHeaders: false,
      // A password typed into a `login` mutation must not outlive the browser tab either.
      storage: sessionStorage,
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

function createFetcher(session, parse) {
  return (params, { headers } = {}) => {
    const operation = operationToRun(parse, params);
    const request = { ...params, operationName: operation?.name?.value };
    return operation?.operation === "subscription"
      ? subscribe(session.endpoint, request, session.accessToken)
      : session.query(request, headers);
  };
}

/**
 * For a moment after a change of tab GraphiQL still names, and has parsed, the operation of the tab
 * before, so neither is relied on. Without an answer the server words the problem.
 */
function operationToRun(parse, { query, operationName }) {
  try {
    const operations = parse(query).definitions.filter(({ operation }) => operation);
    const named = operations.find(({ name }) => name?.value === operationName);
    return named ?? (operations.length === 1 ? operations[0] : undefined);
  } catch {
    return undefined;
  }
}
