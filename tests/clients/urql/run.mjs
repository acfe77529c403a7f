// urql: a document cache that asks again after a mutation, and subscriptions by its fetch exchange.
import assert from "node:assert/strict";
import test from "node:test";

import { gql } from "@urql/core";

import { endOfFeed, newTicket, rename, token, url } from "../desk.mjs";
import { deskClient } from "./client.mjs";

const client = deskClient(url, () => token);

const TICKET = gql`
  query Ticket($id: ID!) {
    ticket(id: $id) {
      id
      subject
      version
    }
  }
`;
const RENAME = gql`
  mutation Rename($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
      ticket {
        id
        subject
      }
      errors {
        code
        field
      }
    }
  }
`;
const EVENTS = gql`
  subscription Events($after: String) {
    ticketEvents(after: $after) {
      type
      ticket {
        id
        subject
      }
    }
  }
`;

test("a query, and again after a mutation of what it shows", async () => {
  const { id } = await newTicket("Silence");
  const seen = [];
  let changed;
  const again = new Promise((resolve) => (changed = resolve));
  const shown = client.query(TICKET, { id }).subscribe(({ data, error, stale }) => {
    assert.equal(error, undefined);
    if (!stale) seen.push(data.ticket.subject);
    if (seen.length === 2) changed();
    if (seen.length === 1 && !stale) {
      client
        .mutation(RENAME, { input: { id, subject: "Noise" } })
        .toPromise()
        .then(({ data }) => assert.deepEqual(data.updateTicket.errors, []));
    }
  });
  await again;
  shown.unsubscribe();

  assert.deepEqual(seen, ["Silence", "Noise"]);
});

test("queries come by GET and by POST alike", async () => {
  const { id } = await newTicket("Alike");
  for (const preferGetMethod of [false, "force"]) {
    const context = { preferGetMethod, requestPolicy: "network-only" };
    const { data, error } = await client.query(TICKET, { id }, context);
    assert.equal(error, undefined);
    assert.equal(data.ticket.subject, "Alike");
  }
});

test("a refused mutation says why", async () => {
  const { id } = await newTicket("Kept");
  const { data, error } = await client.mutation(RENAME, { input: { id, subject: " " } });

  assert.equal(error, undefined);
  assert.equal(data.updateTicket.ticket, null);
  assert.deepEqual(
    data.updateTicket.errors.map(({ code, field }) => [code, field]),
    [["INVALID", ["subject"]]],
  );
  const stored = await client.query(TICKET, { id }, { requestPolicy: "network-only" });
  assert.equal(stored.data.ticket.subject, "Kept");
});

test("an error of the request has its code", async () => {
  const { data, error } = await client.query("{ tickets(first: 1000) { totalCount } }", {});
  assert(!data);
  assert.equal(error.networkError, undefined);
  assert.equal(error.graphQLErrors[0].extensions.code, "BAD_USER_INPUT");

  const nobody = deskClient(url, () => "made-up");
  const refused = await nobody.query("{ tickets { totalCount } }", {});
  assert.equal(refused.error.graphQLErrors[0].extensions.code, "UNAUTHENTICATED");
});

test("a subscription brings what was missed and what happens", async () => {
  const after = await endOfFeed();
  const { id } = await newTicket("One");
  const got = [];
  let events;
  await new Promise((resolve, reject) => {
    events = client.subscription(EVENTS, { after }).subscribe(({ data, error }) => {
      if (error) return reject(error);
      const { type, ticket } = data.ticketEvents;
      if (ticket.id !== id) return;
      got.push([type, ticket.subject]);
      // Only once the stream is open does anything happen that it did not miss.
      if (type === "CREATED") rename(id, "Two").catch(reject);
      if (type === "UPDATED") resolve();
    });
  });
  events.unsubscribe();
  assert.deepEqual(got, [
    ["CREATED", "One"],
    ["UPDATED", "Two"],
  ]);
});

test("a subscription that is refused ends with the error", async () => {
  const nobody = deskClient(url, () => "made-up");
  const { error } = await nobody.subscription(EVENTS, {}).toPromise();
  assert.equal(error.graphQLErrors[0].extensions.code, "UNAUTHENTICATED");
});
