// Runs operations for an editor. Whatever goes wrong is an answer with a sentence, never an
// exception: editors would show its stack.

import { isUnauthenticated, post } from "./session.js";
import { subscribe } from "./subscription.js";

/**
 * `operationOf(params)` tells which operation is meant: {operation: "query", name} or undefined,
 * where the server is to word the problem.
 */
export function createFetcher(endpoint, session, operationOf) {
  return (params, { headers } = {}) => {
    const found = operationOf(params);
    const request = { ...params, operationName: found?.name };
    return found?.operation === "subscription"
      ? subscribe(endpoint, request, session)
      : ask(endpoint, request, session, headers ?? {});
  };
}

async function ask(endpoint, request, session, headers) {
  try {
    return await answered(endpoint, request, session, headers);
  } catch (error) {
    return { errors: [{ message: error.message }] };
  }
}

async function answered(endpoint, request, session, headers) {
  // An Authorization header typed into the editor is a test of its own: it wins, and a refusal of
  // it says nothing about the login of this page.
  if (new Headers(headers).has("authorization")) {
    return shown(await post(endpoint, request, headers));
  }
  let token = await session.freshToken();
  let response = await send(endpoint, request, token, headers);
  if (isRefused(response) && token && (await session.renew(token))) {
    token = session.accessToken;
    response = await send(endpoint, request, token, headers);
  }
  if (isRefused(response)) session.ended(token);
  return shown(response);
}

function send(endpoint, request, token, headers) {
  const authorization = token ? { Authorization: `Bearer ${token}` } : {};
  return post(endpoint, request, { ...headers, ...authorization });
}

function isRefused({ status, answer }) {
  return status === 401 || isUnauthenticated(answer);
}

/** What is no answer of GraphQL, such as a failure of the server, becomes one. */
function shown({ status, answer }) {
  if ("data" in answer || "errors" in answer) return answer;
  return { errors: [{ message: answer.detail ?? `The server answered ${status}.` }] };
}
