// What a new browser tab opens with: reads, each way to write that
// docs/writes.md describes, an export, and what happens live.

const OPEN_TICKETS = `query OpenTickets {
  tickets(
    first: 10
    filter: { open: true }
    orderBy: [{ field: PRIORITY, direction: DESC }]
  ) {
    totalCount
    edges {
      cursor
      node {
        id
        ticketNumber
        subject
        status
        priority
        isOverdue
        company { id name }
        assignedTo { fullName }
        comments(last: 2) {
          nodes { text author { fullName } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;

const DASHBOARD = `query Dashboard {
  viewer { username role }
  ticketStats {
    total
    byStatus { status count }
    byPriority { priority count }
    myOpenTickets
    unassigned
    overdue
  }
}
`;

const CREATE_TICKET = `mutation CreateTicket($input: CreateTicketInput!) {
  createTicket(input: $input) {
    ticket {
      id
      ticketNumber
      subject
      status
      priority
      assignedTeam
      company { name }
    }
    errors { message code field }
  }
}
`;

const CREATE_ONCE = `# Run it twice: it is done once, and answered as before.
mutation CreateOnce($input: CreateTicketInput!, $key: String!) {
  createTicket(input: $input) @idempotent(key: $key) {
    ticket { id ticketNumber subject }
    errors { message code field }
  }
}
`;

const TRY_TICKET = `# With dryRun nothing is written: the answer is what would be.
mutation TryTicket($input: CreateTicketInput!) {
  createTicket(input: $input) {
    ticket { ticketNumber subject status assignedTeam }
    events { type changes { field to } }
    errors { message code field }
  }
}
`;

const CONFLICTS = `# They change the subject after you have read it.
# So your change of it is refused and explained, and
# that of another field is merged.
mutation Conflicts(
  $theirs: UpdateTicketInput!
  $yours: UpdateTicketInput!
  $other: UpdateTicketInput!
) {
  theirs: updateTicket(input: $theirs) {
    ticket { subject version }
    errors { message }
  }
  yours: updateTicket(input: $yours) {
    ticket { subject version }
    errors {
      code
      message
      conflict {
        expectedVersion
        actualVersion
        fields {
          field
          base
          yours
          theirs
          changedByName
        }
      }
    }
  }
  other: updateTicket(input: $other) {
    ticket { subject priority version }
    merged { expectedVersion actualVersion changedFields }
    errors { code message }
  }
}
`;

const HISTORY = `# Which changes can be undone: the ids are for Undo.
query History($id: ID!) {
  ticket(id: $id) {
    ticketNumber
    subject
    history(last: 5) {
      nodes {
        id
        type
        changes { field from to }
        canUndo
        undoRefusal { reason message }
      }
    }
  }
}
`;

const UNDO = `mutation Undo($eventId: ID!) {
  undo(input: { eventId: $eventId }) {
    ticket { subject priority status version }
    events { id type changes { field from to } }
    errors {
      code
      message
      conflict { fields { field base yours theirs } }
    }
  }
}
`;

const UPDATE_TICKETS = `# For up to 100 tickets. Without dryRun it is done.
mutation UpdateTickets($input: UpdateTicketsInput!) {
  updateTickets(input: $input) {
    changedCount
    results {
      ticket { ticketNumber priority tags }
      errors { code message }
    }
    events { id type changes { field from to } }
    errors { code message field }
  }
}
`;

const UNDO_TICKETS = `# For the events of UpdateTickets without dryRun.
mutation UndoTickets($eventIds: [ID!]!) {
  undoTickets(input: { eventIds: $eventIds }) {
    changedCount
    results {
      ticket { ticketNumber priority tags }
      errors { code message }
    }
    errors { code message field }
  }
}
`;

const START_BULK = `# For up to 100,000 tickets. See FollowBulk.
mutation StartBulk($input: StartBulkUpdateInput!) {
  startBulkUpdate(input: $input) {
    job { id state totalCount }
    errors { code message field }
  }
}
`;

const FOLLOW_BULK = `subscription FollowBulk($id: ID!) {
  bulkJobProgress(id: $id) {
    state
    reason
    totalCount
    doneCount
    changedCount
    failedCount
  }
}
`;

const UNDO_BULK = `# For a job that has ended.
mutation UndoBulk($id: ID!) {
  undoBulkJob(input: { id: $id }) {
    job { id state totalCount }
    errors { code message }
  }
}
`;

const EXPORT_TICKETS = `# The address in the answer downloads the file.
query ExportTickets {
  exportTickets(
    filter: { open: true }
    fields: [TICKET_NUMBER, SUBJECT, STATUS, PRIORITY, COMPANY_NAME]
    format: CSV
  ) {
    url
    fileName
    expiresAt
  }
}
`;

const LIVE = `subscription Live($after: String) {
  ticketEvents(after: $after) {
    cursor
    type
    at
    actor { fullName }
    ticketNumber
    ticket { subject status }
    changes { field from to }
  }
}
`;

/**
 * The operation in the address, as REST's answers link to it, or undefined. It comes on one line; one
 * that cannot be parsed is shown as it came.
 */
export function linkedTab(search, { parse, print }) {
  const given = new URLSearchParams(search);
  const query = given.get("query");
  if (!query) return undefined;
  const variables = given.get("variables");
  return {
    query: orAsItIs(query, (text) => print(parse(text))),
    variables: variables && orAsItIs(variables, (text) => JSON.stringify(JSON.parse(text), null, 2)),
  };
}

function orAsItIs(text, format) {
  try {
    return format(text);
  } catch {
    return text;
  }
}

/** A new key for each page. Only pages of https and of this machine have crypto.randomUUID. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (one) => one.toString(16)).join("");
}

/** Returns an example with its variables. */
function tab(query, variables) {
  return { query, variables: JSON.stringify(variables, null, 2) };
}

/** What the demo does not have is left to be copied from the answers of other examples. */
export function defaultTabs({ companyId, tickets = [] } = {}) {
  const input = {
    companyId: companyId || "copy an id from the answer of OpenTickets",
    subject: "Zone offline",
    description: "The lobby has been silent for two hours.",
    priority: "HIGH",
    category: "TECHNICAL",
  };
  const id = tickets[0]?.id ?? "copy an id from the answer of OpenTickets";
  const ids = tickets.length ? tickets.map((one) => one.id) : [id];
  const expectedVersion = tickets[0]?.version ?? 1;
  const change = { ids, addTags: ["checked"] };
  const job = { id: "copy the id from the answer of StartBulk" };
  return [
    { query: OPEN_TICKETS },
    { query: DASHBOARD },
    tab(CREATE_TICKET, { input }),
    tab(CREATE_ONCE, { input, key: newKey() }),
    tab(TRY_TICKET, { input: { ...input, dryRun: true } }),
    tab(CONFLICTS, {
      theirs: { id, subject: "Silent since the power cut" },
      yours: { id, expectedVersion, subject: "No music" },
      other: { id, expectedVersion, onConflict: "MERGE", priority: "URGENT" },
    }),
    tab(HISTORY, { id }),
    tab(UNDO, { eventId: "copy the id of an event from the answer of History" }),
    tab(UPDATE_TICKETS, { input: { ...change, changes: { priority: "LOW" }, dryRun: true } }),
    tab(UNDO_TICKETS, { eventIds: ["copy the ids of events from the answer of UpdateTickets"] }),
    tab(START_BULK, { input: change }),
    tab(FOLLOW_BULK, job),
    tab(UNDO_BULK, job),
    { query: EXPORT_TICKETS },
    { query: LIVE },
  ];
}
