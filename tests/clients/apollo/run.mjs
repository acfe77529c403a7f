// Apollo Client: a normalised cache, pages that merge, errors with codes, and a subscription.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import test, { after } from "node:test";

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { filter, firstValueFrom } from "rxjs";
import WebSocket from "ws";

import { ask, endOfFeed, newTicket, rename, token, url } from "../desk.mjs";
import { deskClient, possibleTypes } from "./client.mjs";

globalThis.WebSocket ??= WebSocket;
const { client, socket } = deskClient(url, () => token);
after(() => {
  client.stop();
  return socket.dispose();
});

const documents = gql(readFileSync(new URL("documents.graphql", import.meta.url), "utf-8"));
const [TICKETS, TICKET, RENAME, EVENTS] = documents.definitions.map((definition) => ({
  ...documents,
  definitions: [definition],
}));

const subscribed = [];
after(() => subscribed.forEach((each) => each.unsubscribe()));

/** Keep a query alive, as a component on a page does; returns its first whole result. */
function loaded(query) {
  subscribed.push(query.subscribe(() => {}));
  return until(query, () => true);
}

/** Wait until a query shows data of this kind. */
function until(query, holds) {
  return firstValueFrom(
    query.pipe(filter(({ dataState, data }) => dataState === "complete" && holds(data))),
  );
}

test("a document registers by its hash, and is then asked for by it alone", async () => {
  const sent = [];
  const known = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([
      new PersistedQueryLink({ sha256: (text) => createHash("sha256").update(text).digest("hex") }),
      new HttpLink({
        uri: url,
        headers: { authorization: `Bearer ${token}` },
        fetch: (address, options) => {
          sent.push(JSON.parse(options.body));
          return fetch(address, options);
        },
      }),
    ]),
  });
  const query = gql(`query Unheard${Date.now()} { viewer { username } }`);
  for (const fetchPolicy of ["no-cache", "no-cache"]) {
    const { data } = await known.query({ query, fetchPolicy });
    assert.equal(data.viewer.username, process.env.DESK_USER);
  }
  assert.deepEqual(sent.map((body) => "query" in body), [false, true, false]);
  known.stop();
});

test("two pages merge to one list without repeats", async () => {
  const variables = { first: 3, filter: { open: true } };
  const list = client.watchQuery({ query: TICKETS, variables });
  const first = (await loaded(list)).data.tickets;
  assert.equal(first.edges.length, 3);
  assert.equal(first.pageInfo.hasNextPage, true);

  await list.fetchMore({ variables: { after: first.pageInfo.endCursor } });

  const shown = await until(list, ({ tickets }) => tickets.edges.length > 3);
  const { edges, pageInfo } = shown.data.tickets;
  const ids = edges.map(({ node }) => node.id);
  assert.equal(ids.length, 6);
  assert.equal(new Set(ids).size, 6);
  assert.deepEqual(ids.slice(0, 3), first.edges.map(({ node }) => node.id));
  assert.notEqual(pageInfo.endCursor, first.pageInfo.endCursor);
  const whole = await client.query({ query: TICKETS, variables: { ...variables, first: 6 }, fetchPolicy: "no-cache" });
  assert.deepEqual(ids, whole.data.tickets.edges.map(({ node }) => node.id));

  const other = await client.query({ query: TICKETS, variables: { first: 1, filter: { open: false } } });
  assert.equal(other.data.tickets.edges.length, 1, "another filter is another list");
});

test("the cache knows of every type that is a node", async () => {
  const { __type } = await ask('{ __type(name: "Node") { possibleTypes { name } } }');
  assert.deepEqual(possibleTypes.Node.toSorted(), __type.possibleTypes.map(({ name }) => name).sort());
});

test("a mutation changes what the cache has of the object", async () => {
  const { id } = await newTicket("Silence");
  const shown = client.watchQuery({ query: TICKET, variables: { id } });
  const before = (await loaded(shown)).data.ticket;
  assert.equal(before.subject, "Silence");

  await client.mutate({ mutation: RENAME, variables: { input: { id, subject: "Noise" } } });

  const { data } = await until(shown, ({ ticket }) => ticket.subject !== "Silence");
  assert.deepEqual(data.ticket, { ...before, subject: "Noise", version: before.version + 1 });
});

test("a refused mutation says why, and leaves the cache as it was", async () => {
  const { id } = await newTicket("Kept");
  const before = await client.query({ query: TICKET, variables: { id } });

  const input = { id, subject: "Lost", expectedVersion: 99 };
  const { data } = await client.mutate({ mutation: RENAME, variables: { input } });

  assert.equal(data.updateTicket.ticket, null);
  assert.equal(data.updateTicket.errors[0].code, "CONFLICT");
  const cached = client.readQuery({ query: TICKET, variables: { id } });
  assert.deepEqual(cached, before.data);
  const stored = await client.query({ query: TICKET, variables: { id }, fetchPolicy: "no-cache" });
  assert.equal(stored.data.ticket.subject, "Kept");
});

test("an error of the request has its code", async () => {
  await assert.rejects(client.query({ query: TICKETS, variables: { first: 1000 } }), (error) => {
    assert(CombinedGraphQLErrors.is(error));
    assert.equal(error.errors[0].extensions.code, "BAD_USER_INPUT");
    assert.deepEqual(error.errors[0].path, ["tickets"]);
    return true;
  });
  const nobody = deskClient(url, () => "made-up");
  await assert.rejects(nobody.client.query({ query: TICKETS }), (error) => {
    assert.equal(error.errors[0].extensions.code, "UNAUTHENTICATED");
    return true;
  });
});

test("a subscription brings what happens, into the cache as well", async () => {
  const { id } = await newTicket("Before");
  const shown = client.watchQuery({ query: TICKET, variables: { id } });
  await loaded(shown);
  const place = await endOfFeed();
  const got = new Promise((resolve, reject) => {
    const events = client.subscribe({ query: EVENTS, variables: { after: place } }).subscribe({
      next: ({ data }) => {
        if (data.ticketEvents.ticket.id === id) {
          events.unsubscribe();
          resolve(data.ticketEvents);
        }
      },
      error: reject,
    });
  });
  await rename(id, "After");

  const event = await got;
  assert.equal(event.type, "UPDATED");
  await until(shown, ({ ticket }) => ticket.subject === "After");
});
