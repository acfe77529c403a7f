import { graphql } from "./generated/gql.js";

export const Inbox = graphql(`
  query Inbox($first: Int!, $after: String, $filter: TicketFilter) {
    viewer {
      id
      fullName
      role
    }
    tickets(
      first: $first
      after: $after
      filter: $filter
      orderBy: [{ field: PRIORITY, direction: DESC }]
    ) {
      totalCount
      nodes {
        ...InboxTicket
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const InboxTicket = graphql(`
  fragment InboxTicket on Ticket {
    id
    ticketNumber
    subject
    status
    priority
    dueDate
    version
    company {
      id
      name
    }
    assignedTo {
      id
      fullName
    }
  }
`);

export const SetPriority = graphql(`
  mutation SetPriority($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
      ticket {
        ...InboxTicket
      }
      errors {
        code
        message
        field
      }
    }
  }
`);

export const Changes = graphql(`
  subscription Changes($after: String) {
    ticketEvents(after: $after) {
      id
      cursor
      type
      ticket {
        ...InboxTicket
      }
    }
  }
`);
