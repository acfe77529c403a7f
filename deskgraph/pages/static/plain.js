// The page where GraphiQL is not built: an editor of two text fields.

import { mountBar } from "./bar.js";
import { createFetcher } from "./fetcher.js";
import { graphqlLogins } from "./logins.js";
import { Session } from "./session.js";
import { defaultTabs, linkedTab } from "./tabs.js";

const ENDPOINT = "graphql";
const STORAGE_KEY = "deskgraph.plain";

const element = (id) => document.getElementById(id);
const config = JSON.parse(element("page-config").textContent);
const storage = config.lastingLogin ? localStorage : sessionStorage;
const session = new Session(graphqlLogins(ENDPOINT), config.lastingLogin);
const run = createFetcher(ENDPOINT, session, operationOf);
let running = null;

/** Nothing here can parse: the first word outside of comments tells what the operation is. */
function operationOf({ query }) {
  const [, operation, name] = /^(?:\s|,|#.*)*(\w+)\s*(\w*)/.exec(query) ?? [];
  // Which of several is meant, the server asks.
  const several = query.match(/^\s*(query|mutation|subscription)\b/gm)?.length > 1;
  return operation && { operation, name: several ? undefined : name || undefined };
}

function open({ query, variables }) {
  element("plain-query").value = query;
  element("plain-variables").value = variables ?? "";
}

function show(answer) {
  element("plain-result").textContent =
    typeof answer === "string" ? answer : JSON.stringify(answer, null, 2);
}

function setRunning(answer) {
  running = answer;
  element("plain-stop").hidden = !answer;
}

async function submit() {
  stop();
  const query = element("plain-query").value;
  const text = element("plain-variables").value;
  storage.setItem(STORAGE_KEY, JSON.stringify({ query, variables: text }));
  let variables;
  try {
    variables = text.trim() ? JSON.parse(text) : undefined;
  } catch (error) {
    return show(`The variables are not JSON: ${error.message}`);
  }
  show("Running …");
  const answer = run({ query, variables });
  setRunning(answer);
  if (answer[Symbol.asyncIterator]) {
    for await (const part of answer) if (running === answer) show(part);
  } else {
    const part = await answer;
    if (running === answer) show(part);
  }
  if (running === answer) setRunning(null);
}

function stop() {
  running?.return?.();
  setRunning(null);
}

function stored() {
  try {
    return JSON.parse(storage.getItem(STORAGE_KEY) ?? "null");
  } catch {
    return null;
  }
}

const examples = defaultTabs(config.samples);
for (const example of examples) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = /^(?:query|mutation|subscription) (\w+)/m.exec(example.query)[1];
  button.addEventListener("click", () => open(example));
  element("plain-examples").append(button);
}
element("plain-form").addEventListener("submit", (event) => (event.preventDefault(), submit()));
element("plain-stop").addEventListener("click", stop);
element("plain-form").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element("plain-form").requestSubmit();
});
session.addEventListener("change", ({ detail: { message } }) => {
  // What one person was answered is not left on the screen for the next one.
  if (!message) (stop(), show(""));
});
mountBar(session, config.demoLogins);
const asItIs = { parse: (text) => text, print: (text) => text };
open(linkedTab(location.search, asItIs) ?? stored() ?? examples[0]);
