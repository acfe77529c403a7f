// graphql-ws: operations of each kind over one socket, a connection that is lost, a bad token.
import assert from "node:assert/strict";
import test from "node:test";

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { endOfFeed, newTicket, rename, token, url } from "../desk.mjs";
import { followed } from "./follow.mjs";

globalThis.WebSocket ??= WebSocket;
const address = url.replace(/^http/, "ws");

function connected(options = {}) {
  const connectionParams = { authorization: `Bearer ${token}` };
  return createClient({ url: address, connectionParams, ...options });
}

async function first(client, payload) {
  for await (const result of client.iterate(payload)) return result;
  return null;
}

test("a query, a mutation and an error on one connection", async () => {
  let sockets = 0;
  const client = connected({ lazyCloseTimeout: 1000, on: { connected: () => sockets++ } });
  const { id } = await newTicket("Before");

  const changed = await first(client, {
    query: `mutation($input: UpdateTicketInput!) {
      updateTicket(input: $input) { ticket { subject } errors { code } }
    }`,
    variables: { input: { id, subject: "After" } },
  });
  assert.deepEqual(changed.data.updateTicket, { ticket: { subject: "After" }, errors: [] });

  const query = "query($id: ID!) { ticket(id: $id) { subject } }";
  const read = await first(client, { query, variables: { id } });
  assert.deepEqual(read.data, { ticket: { subject: "After" } });

  const wrong = await first(client, { query: "{ tickets(first: 1000) { totalCount } }" });
  assert.equal(wrong.errors[0].extensions.code, "BAD_USER_INPUT");
  await assert.rejects(first(client, { query: "{ nothing }" }), (errors) => {
    assert.match(errors[0].message, /nothing/);
    return true;
  });

  assert.equal(sockets, 1);
  await client.dispose();
});

test("a lost connection is resumed without a gap and without a repetition", async () => {
  const after = await endOfFeed();
  const { id } = await newTicket("One");
  let socket;
  let lost = 0;
  const client = connected({
    on: { connected: (opened) => (socket = opened) },
    // Asked between two connections: what happens now nobody is told of at once.
    retryWait: async () => {
      lost++;
      await rename(id, "Two");
    },
  });

  const got = [];
  await followed(client, after, (event, stop) => {
    if (event.ticketId !== id) return;
    got.push(`${event.type} ${event.ticket.subject}`);
    if (got.length === 1) socket.terminate();
    if (got.length === 2) rename(id, "Three");
    if (got.length === 3) stop();
  });

  assert.equal(lost, 1);
  assert.deepEqual(got, ["CREATED One", "UPDATED Two", "UPDATED Three"]);
  await client.dispose();
});

test("a bad token closes the connection with 4403", async () => {
  const client = createClient({
    url: address,
    connectionParams: { authorization: "Bearer made-up" },
    retryAttempts: 0,
  });
  await assert.rejects(first(client, { query: "{ viewer { id } }" }), (closed) => {
    assert.equal(closed.code, 4403);
    return true;
  });
  await client.dispose();
});

test("the client comes again after 4403, by then with a good token", async () => {
  const tokens = ["made-up", token];
  const closed = [];
  const client = createClient({
    url: address,
    connectionParams: () => ({ authorization: `Bearer ${tokens.shift()}` }),
    retryWait: async () => {},
    on: { closed: ({ code }) => closed.push(code) },
  });
  const read = await first(client, { query: "{ viewer { username } }" });
  assert.equal(read.data.viewer.username, process.env.DESK_USER);
  assert.deepEqual(closed, [4403]);
  assert.deepEqual(tokens, []);
  await client.dispose();
});
