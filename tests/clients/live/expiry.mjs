// Tokens that expire in the middle of a subscription: each client comes back by itself with a new
// one, and has every event once. Nobody comes back for good whose session has ended.
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import test from "node:test";

import { ApolloClient, gql, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, subscriptionExchange } from "@urql/core";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import WebSocket from "ws";

import { ask, endOfFeed, newTicket, rename, token, url } from "../desk.mjs";
import { resuming } from "./resuming.mjs";

globalThis.WebSocket ??= WebSocket;
const address = url.replace(/^http/, "ws");
const SECONDS = 1;
// How many tokens each client uses up.
const TOKENS = 2;
const EVENTS = `subscription($after: String) {
  ticketEvents(after: $after) { cursor ticketId changes { to } }
}`;

/** Return a token like the given one, and how many were issued. */
function issuer(like, seconds) {
  const issued = () => {
    issued.count++;
    const [head, body] = like.split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url"));
    claims.exp = Math.ceil(Date.now() / 1000) + seconds;
    claims.jti = randomUUID();
    const signed = `${head}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
    const signature = createHmac("sha256", process.env.DESK_KEY).update(signed).digest("base64url");
    return `${signed}.${signature}`;
  };
  issued.count = 0;
  return issued;
}

// Each returns a function that follows; the waits are those of a patient test, not of a browser.
const soon = () => new Promise((resolve) => setTimeout(resolve, 50));
const wsClient = (issued, options = {}) =>
  createWsClient({
    url: address,
    connectionParams: () => ({ authorization: `Bearer ${issued()}` }),
    retryWait: soon,
    ...options,
  });
const sseClient = (issued) =>
  createSseClient({
    url,
    headers: () => ({ authorization: `Bearer ${issued()}` }),
    retry: soon,
  });
const payload = (after) => ({ query: EVENTS, variables: { after } });

const CLIENTS = {
  "graphql-ws": (issued, after, sink) => resuming(wsClient(issued)).subscribe(payload(after), sink),
  "graphql-sse": (issued, after, sink) =>
    resuming(sseClient(issued)).subscribe(payload(after), sink),
  apollo(issued, after, sink) {
    const link = new GraphQLWsLink(resuming(wsClient(issued)));
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const events = client.subscribe({ query: gql(EVENTS), variables: { after } }).subscribe(sink);
    return () => events.unsubscribe();
  },
  urql(issued, after, sink) {
    const client = resuming(wsClient(issued));
    const forwardSubscription = (request) => ({
      subscribe: (sink) => ({ unsubscribe: client.subscribe(request, sink) }),
    });
    const urql = new Client({ url, exchanges: [subscriptionExchange({ forwardSubscription })] });
    const events = urql
      .subscription(EVENTS, { after })
      .subscribe(({ data, error }) => (error ? sink.error(error) : sink.next({ data })));
    return () => events.unsubscribe();
  },
};

/** Follow until the client has used up its tokens and has the event that was written last. */
function followed(name, after, ticket) {
  const issued = issuer(token, SECONDS);
  const got = [];
  const done = new Promise((resolve, reject) => {
    const stop = CLIENTS[name](issued, after, {
      next({ data, errors }) {
        if (errors) return reject(errors);
        const { ticketId, changes } = data.ticketEvents;
        if (ticketId !== ticket || changes.length === 0) return;
        got.push(changes[0].to);
        if (got.at(-1) === "last") (stop(), resolve({ got, connections: issued.count }));
      },
      error: reject,
      complete: () => reject(new Error("It was complete, and will not come back.")),
    });
  });
  return { issued, done };
}

test("each client comes back with a new token, and misses nothing", async () => {
  const after = await endOfFeed();
  const { id } = await newTicket("Begun");
  const follows = Object.keys(CLIENTS).map((name) => [name, followed(name, after, id)]);
  const written = [];
  while (follows.some(([, { issued }]) => issued.count <= TOKENS)) {
    written.push(`Number ${written.length}`);
    await rename(id, written.at(-1));
    await soon();
  }
  written.push("last");
  await rename(id, "last");

  for (const [name, { done }] of follows) {
    const { got, connections } = await done;
    assert.deepEqual(got, written, name);
    assert(connections > TOKENS, name);
  }
});

test("operations of an expired token are sent again with a new one", async () => {
  const issued = issuer(token, SECONDS);
  const { id } = await newTicket("Before");
  const closed = [];
  // Kept open, as by a page that follows something.
  const client = wsClient(issued, {
    lazyCloseTimeout: 2500,
    on: { closed: ({ code }) => closed.push(code) },
  });
  const first = async (query, variables) => {
    for await (const { data } of client.iterate({ query, variables })) return data;
  };
  await first("{ viewer { id } }");
  const expires = Math.ceil(Date.now() / 1000) + SECONDS;
  while (Date.now() / 1000 < expires) await soon();
  const { updateTicket } = await first(
    "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { version } } }",
    { input: { id, subject: "After" } },
  );
  assert.equal(updateTicket.ticket.version, 2);
  assert.deepEqual([closed, issued.count], [[4403], 2]);
  await client.dispose();
});

test("whose session has ended is not kept trying", async () => {
  const input = { username: `leaver-${randomUUID()}`, password: randomUUID() };
  const more = { firstName: "Lea", lastName: "Ver", email: "lea@example.com", role: "TECH" };
  const { createUser } = await ask(
    `mutation($input: CreateUserInput!) { createUser(input: $input) { user { id } errors { message } } }`,
    { input: { ...input, ...more } },
  );
  assert.deepEqual(createUser.errors, []);
  const { login } = await ask(
    "mutation($input: LoginInput!) { login(input: $input) { accessToken } }",
    { input },
  );
  const after = await endOfFeed();
  const { id } = await newTicket("Begun");
  const stopped = ["graphql-ws", "graphql-sse"].map((name) => {
    const issued = () => (issued.count++, login.accessToken);
    issued.count = 0;
    const ended = new Promise((resolve) =>
      CLIENTS[name](issued, after, {
        next: ({ errors }) => errors && resolve(errors[0].extensions.code),
        error: ({ code }) => resolve(code),
        complete: () => {},
      }),
    );
    return { issued, ended };
  });
  await Promise.all(stopped.map(({ issued }) => issued.count || soon()));
  await ask(
    "mutation($input: UpdateUserInput!) { updateUser(input: $input) { errors { message } } }",
    { input: { id: createUser.user.id, isActive: false } },
  );
  // What happens from now on they are not told of.
  const writing = setInterval(() => rename(id, randomUUID()).catch(() => {}), 200);
  const codes = await Promise.all(stopped.map(({ ended }) => ended));
  clearInterval(writing);

  assert.deepEqual(codes, [4401, "UNAUTHENTICATED"]);
  // Once to follow, and once to be told.
  assert.deepEqual(stopped.map(({ issued }) => issued.count), [2, 2]);
});
