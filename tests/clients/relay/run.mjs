// Relay without React: what its compiler made is run by its runtime, with its own store.
import assert from "node:assert/strict";
import test from "node:test";

import relay from "relay-runtime";

import { newTicket, token, url } from "../desk.mjs";
import commentsFragment from "./__generated__/inboxComments_ticket.graphql.js";
import commentsPageQuery from "./__generated__/inboxCommentsPageQuery.graphql.js";
import inboxFragment from "./__generated__/inbox_query.graphql.js";
import inboxPageQuery from "./__generated__/inboxPageQuery.graphql.js";
import inboxQuery from "./__generated__/inboxQuery.graphql.js";
import renameMutation from "./__generated__/inboxRenameMutation.graphql.js";
import ticketQuery from "./__generated__/inboxTicketQuery.graphql.js";
import { deskEnvironment } from "./environment.mjs";

const { commitMutation, createOperationDescriptor, fetchQuery, getSelector } = relay;

function environmentOf(whose = token) {
  return deskEnvironment(url, () => whose);
}

/** Fetch a query and keep what it brought; returns its data. */
async function load(environment, query, variables) {
  const operation = createOperationDescriptor(query, variables);
  environment.retain(operation);
  await fetchQuery(environment, query, variables).toPromise();
  return environment.lookup(operation.fragment).data;
}

/** Read a fragment where its owner spread it. */
function read(environment, fragment, owner) {
  const { data, isMissingData } = environment.lookup(getSelector(fragment, owner));
  assert.equal(isMissingData, false);
  return data;
}

const idsOf = ({ edges }) => edges.map(({ node }) => node.id);

test("the connection of the store has the edges of both pages", async () => {
  const environment = environmentOf();
  const inbox = await load(environment, inboxQuery, { count: 3 });
  const first = read(environment, inboxFragment, inbox).tickets;
  assert.equal(first.edges.length, 3);
  assert.equal(first.pageInfo.hasNextPage, true);

  await load(environment, inboxPageQuery, { count: 3, cursor: first.pageInfo.endCursor });

  const both = read(environment, inboxFragment, inbox).tickets;
  assert.equal(new Set(idsOf(both)).size, 6);
  assert.deepEqual(idsOf(both).slice(0, 3), idsOf(first));
  assert.notEqual(both.pageInfo.endCursor, first.pageInfo.endCursor);
  const other = environmentOf();
  const whole = read(other, inboxFragment, await load(other, inboxQuery, { count: 6 })).tickets;
  assert.deepEqual(idsOf(both), idsOf(whole));
});

test("comments page through the node that they belong to, to the last one", async () => {
  const environment = environmentOf();
  const { id, comments } = await newTicket("Much said", 5);
  const { ticket } = await load(environment, ticketQuery, { id });
  const shown = () => read(environment, commentsFragment, ticket).comments;
  assert.deepEqual(idsOf(shown()), comments.slice(0, 2));

  for (const more of [true, true, false]) {
    const { hasNextPage, endCursor: cursor } = shown().pageInfo;
    assert.equal(hasNextPage, more);
    if (more) await load(environment, commentsPageQuery, { id, count: 2, cursor });
  }

  assert.deepEqual(idsOf(shown()), comments);
});

test("a ticket is fetched again by its id as a node", async () => {
  const environment = environmentOf();
  const { id } = await newTicket("First");
  const { ticket } = await load(environment, ticketQuery, { id });
  assert.equal(read(environment, commentsFragment, ticket).subject, "First");

  await new Promise((onCompleted, onError) => {
    const input = { id, subject: "Second" };
    commitMutation(environmentOf(), { mutation: renameMutation, variables: { input }, onCompleted, onError });
  });
  assert.equal(read(environment, commentsFragment, ticket).subject, "First");
  await load(environment, commentsPageQuery, { id, count: 2 });

  assert.equal(read(environment, commentsFragment, ticket).subject, "Second");
});

test("a mutation changes what the store has of the object", async () => {
  const environment = environmentOf();
  const { id } = await newTicket("Silence");
  const { ticket } = await load(environment, ticketQuery, { id });

  const answer = await new Promise((onCompleted, onError) => {
    const input = { id, subject: "Noise" };
    commitMutation(environment, { mutation: renameMutation, variables: { input }, onCompleted, onError });
  });

  assert.deepEqual(answer.updateTicket.errors, []);
  assert.equal(read(environment, commentsFragment, ticket).subject, "Noise");
});

test("an error of the request rejects", async () => {
  const nobody = environmentOf("made-up");
  await assert.rejects(load(nobody, inboxQuery, { count: 3 }), /Log in|token/i);
  await assert.rejects(load(environmentOf(), inboxQuery, { count: 1000 }), /between 0 and 100/);
});
