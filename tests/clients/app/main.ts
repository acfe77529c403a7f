// The app in short: it shows the most urgent tickets, and makes the first one more urgent.
import { Inbox, SetPriority } from "./documents.js";
import { ask } from "./desk.js";
import type { InboxTicketFragment } from "./generated/graphql.js";

export async function main(url: string, token: string): Promise<InboxTicketFragment> {
  const { viewer, tickets } = await ask(url, token, Inbox, {
    first: 2,
    filter: { open: true, priority: { in: ["LOW", "MEDIUM"] } },
  });
  const [ticket] = tickets.nodes;
  if (!viewer || !ticket) throw new Error("There is nobody or nothing.");
  const input = { id: ticket.id, expectedVersion: ticket.version, priority: "HIGH" as const };
  const { updateTicket } = await ask(url, token, SetPriority, { input });
  if (!updateTicket.ticket) throw new Error(updateTicket.errors[0]?.message);
  return updateTicket.ticket;
}

export async function wrong(url: string, token: string): Promise<void> {
  // @ts-expect-error An enum has no other values than those of the schema.
  await ask(url, token, Inbox, { first: 2, filter: { priority: { eq: "HUGE" } } });
  // @ts-expect-error A variable that must be given is missing.
  await ask(url, token, Inbox, {});
  const { tickets } = await ask(url, token, Inbox, { first: 1 });
  // @ts-expect-error Nobody asked for this field.
  tickets.nodes[0]?.description;
}
