// Apollo Client: a link that gives each mutation a key, and RetryLink, which sends it again.
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { RetryLink } from "@apollo/client/link/retry";
import { OperationTypeNode } from "graphql";

const url = process.env.DESK_URL;
const token = process.env.DESK_TOKEN;

// Before the retries, so that each of them has the key of the first try.
const keys = new SetContextLink(({ headers }, { operationType }) =>
  operationType === OperationTypeNode.MUTATION
    ? { headers: { "Idempotency-Key": crypto.randomUUID(), ...headers } }
    : {},
);
const retries = new RetryLink({ delay: { initial: 300 }, attempts: { max: 5 } });
const http = new HttpLink({ uri: url, headers: { authorization: `Bearer ${token}` } });
const client = new ApolloClient({
  link: ApolloLink.from([keys, retries, http]),
  cache: new InMemoryCache(),
});

const CREATE = gql`
  mutation Create($input: CreateTicketInput!) {
    createTicket(input: $input) {
      ticket {
        id
      }
      errors {
        message
      }
    }
  }
`;
const input = JSON.parse(process.env.DESK_TICKET);
const { data } = await client.mutate({ mutation: CREATE, variables: { input } });
console.log(data.createTicket.ticket.id);
