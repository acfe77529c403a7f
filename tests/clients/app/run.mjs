// What the code generator made: it was checked and compiled by TypeScript, and here it runs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { createClient } from "graphql-sse";

import { ask, newTicket, rename, token, url } from "../desk.mjs";
import { Changes, Inbox, SetPriority } from "./generated/js/documents.js";
import { main, wrong } from "./generated/js/main.js";

const manifest = JSON.parse(readFileSync(new URL("persisted-documents.json", import.meta.url)));
const textOf = (document) => manifest[document.__meta__.hash];

test("the app shows the most urgent tickets, and changes one, by the ids of its documents", async () => {
  const ticket = await main(url, token);
  assert.equal(ticket.priority, "HIGH");
  const query = "query($id: ID!) { ticket(id: $id) { priority version } }";
  const stored = await ask(query, { id: ticket.id });
  assert.deepEqual(stored.ticket, { priority: "HIGH", version: ticket.version });
});

test("what TypeScript refuses the server refuses as well", async () => {
  await assert.rejects(wrong(url, token), /TicketPriority/);
});

test("each text of the manifest is one that the server answers", async () => {
  const { id } = await newTicket("Known");
  const { tickets } = await ask(textOf(Inbox), { first: 1 });
  assert.equal(tickets.nodes.length, 1);

  const changed = await ask(textOf(SetPriority), { input: { id, priority: "LOW" } });
  assert.equal(changed.updateTicket.ticket.priority, "LOW");

  const { ticketEvents } = await ask("{ ticketEvents(last: 1) { pageInfo { endCursor } } }");
  await rename(id, "Better known");
  const events = createClient({ url, headers: { authorization: `Bearer ${token}` } });
  const variables = { after: ticketEvents.pageInfo.endCursor };
  const documentId = Changes.__meta__.hash;
  for await (const { data } of events.iterate({ documentId, variables })) {
    if (data.ticketEvents.ticket.id !== id) continue;
    assert.equal(data.ticketEvents.ticket.subject, "Better known");
    break;
  }
  assert.equal(Object.keys(manifest).length, 3);
});
