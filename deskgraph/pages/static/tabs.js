// What a new browser tab opens with: one list, one overview, one change, and what happens live.

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

/** Without a sample company its id is left to be copied from the answer of OpenTickets. */
export function defaultTabs(sampleCompanyId) {
  const input = {
    companyId: sampleCompanyId || "copy an id from the answer of OpenTickets",
    subject: "Zone offline",
    description: "The lobby has been silent for two hours.",
    priority: "HIGH",
    category: "TECHNICAL",
  };
  return [
    { query: OPEN_TICKETS },
    { query: DASHBOARD },
    { query: CREATE_TICKET, variables: JSON.stringify({ input }, null, 2) },
    { query: LIVE },
  ];
}
