// What each of these scripts needs of the running desk: its address, a token, and a way to ask it
// without any client, so that something happens that the client under test has not done.
import assert from "node:assert/strict";

export const url = process.env.DESK_URL;
export const token = process.env.DESK_TOKEN;
assert(url && token, "DESK_URL and DESK_TOKEN say which desk to use, and as whom");

export async function ask(query, variables = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** Create a ticket of the first company, with comments; returns its id and its comments' ids. */
export async function newTicket(subject, comments = 0) {
  const { companies } = await ask("{ companies(first: 1) { nodes { id } } }");
  const input = { subject, description: "As told.", companyId: companies.nodes[0].id };
  const { createTicket } = await ask(
    "mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }",
    { input },
  );
  const { id } = createTicket.ticket;
  const said = [];
  for (let number = 1; number <= comments; number++) {
    const { addComment } = await ask(
      "mutation($input: AddCommentInput!) { addComment(input: $input) { comment { id } } }",
      { input: { ticketId: id, text: `Comment ${number}` } },
    );
    said.push(addComment.comment.id);
  }
  return { id, comments: said };
}

export async function rename(id, subject) {
  await ask("mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { id } } }", {
    input: { id, subject },
  });
}

export async function endOfFeed() {
  const { ticketEvents } = await ask("{ ticketEvents(last: 1) { pageInfo { endCursor } } }");
  return ticketEvents.pageInfo.endCursor;
}
