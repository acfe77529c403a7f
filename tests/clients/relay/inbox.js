import { graphql } from "relay-runtime";

export const InboxQuery = graphql`
  query inboxQuery($count: Int!) {
    ...inbox_query @arguments(count: $count)
  }
`;

export const Inbox = graphql`
  fragment inbox_query on Query
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
    filter: { type: "TicketFilter" }
  )
  @refetchable(queryName: "inboxPageQuery") {
    tickets(first: $count, after: $cursor, filter: $filter)
      @connection(key: "inbox_tickets") {
      totalCount
      edges {
        node {
          id
          ticketNumber
          subject
          ...inboxComments_ticket
        }
      }
    }
  }
`;

export const Comments = graphql`
  fragment inboxComments_ticket on Ticket
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "inboxCommentsPageQuery") {
    subject
    comments(first: $count, after: $cursor) @connection(key: "inboxComments_comments") {
      edges {
        node {
          id
          text
          author {
            fullName
          }
        }
      }
    }
  }
`;

export const TicketQuery = graphql`
  query inboxTicketQuery($id: ID!) {
    ticket(id: $id) {
      id
      ...inboxComments_ticket
    }
  }
`;

export const Rename = graphql`
  mutation inboxRenameMutation($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
      ticket {
        id
        subject
        version
      }
      errors {
        code
        message
        field
      }
    }
  }
`;
