import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";

// What `node` may answer, for fragments on Node.
export const possibleTypes = {
  Node: [
    ...["Attachment", "BulkJob", "BulkJobError", "Comment", "Company", "Contact", "Ticket"],
    ...["TicketEvent", "User", "Webhook", "WebhookDelivery"],
  ],
};

export function deskClient(url, token) {
  const http = ApolloLink.from([
    new SetContextLink(({ headers }) => ({
      headers: { ...headers, authorization: `Bearer ${token()}` },
    })),
    new HttpLink({ uri: url }),
  ]);
  const socket = createClient({
    url: url.replace(/^http/, "ws"),
    connectionParams: () => ({ authorization: `Bearer ${token()}` }),
  });
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      http,
    ),
    cache: new InMemoryCache({
      possibleTypes,
      typePolicies: {
        Query: { fields: { tickets: relayStylePagination(["filter", "orderBy"]) } },
        Ticket: { fields: { comments: relayStylePagination(["isInternal"]) } },
      },
    }),
  });
  return { client, socket };
}
