// graphql-sse, a connection for each operation: a subscription, a query as a stream, errors.
import assert from "node:assert/strict";
import test from "node:test";

import { createClient } from "graphql-sse";

import { endOfFeed, newTicket, rename, token, url } from "../desk.mjs";
import { followed } from "./follow.mjs";

const client = createClient({ url, headers: { authorization: `Bearer ${token}` } });

async function all(client, payload) {
  const results = [];
  for await (const result of client.iterate(payload)) results.push(result);
  return results;
}

test("a query is a stream of one result that completes", async () => {
  const { id } = await newTicket("Alone");
  const query = "query($id: ID!) { ticket(id: $id) { subject } }";
  const results = await all(client, { query, variables: { id } });
  assert.deepEqual(results.map((result) => result.data), [{ ticket: { subject: "Alone" } }]);
});

test("a mutation is one as well", async () => {
  const { id } = await newTicket("Before");
  const query = `mutation($input: UpdateTicketInput!) {
    updateTicket(input: $input) { ticket { subject } errors { code } }
  }`;
  const [changed] = await all(client, { query, variables: { input: { id, subject: "After" } } });
  assert.deepEqual(changed.data.updateTicket, { ticket: { subject: "After" }, errors: [] });
});

test("a subscription brings what was missed and what happens, until it is left", async () => {
  const after = await endOfFeed();
  const { id } = await newTicket("One");
  const got = [];
  await followed(client, after, (event, stop) => {
    if (event.ticketId !== id) return;
    got.push(`${event.type} ${event.ticket.subject}`);
    if (got.length === 1) rename(id, "Two");
    if (got.length === 2) stop();
  });
  assert.deepEqual(got, ["CREATED One", "UPDATED Two"]);
});

test("errors come as a result, and the stream completes", async () => {
  const [wrong, ...more] = await all(client, { query: "{ tickets(first: 1000) { totalCount } }" });
  assert.equal(wrong.errors[0].extensions.code, "BAD_USER_INPUT");
  assert.deepEqual(more, []);

  const nobody = createClient({ url, headers: { authorization: "Bearer made-up" } });
  const [refused] = await all(nobody, { query: "subscription { ticketEvents { type } }" });
  assert.equal(refused.errors[0].extensions.code, "UNAUTHENTICATED");
});
