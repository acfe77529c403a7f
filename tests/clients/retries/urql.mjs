// urql: an exchange that gives each mutation a key, and retryExchange, which sends it again.
import { Client, fetchExchange, gql, makeOperation, mapExchange } from "@urql/core";
import { retryExchange } from "@urql/exchange-retry";

const url = process.env.DESK_URL;
const token = process.env.DESK_TOKEN;

// Before the retries, so that each of them has the key of the first try.
const keys = mapExchange({
  onOperation(operation) {
    if (operation.kind !== "mutation") return operation;
    const headers = {
      authorization: `Bearer ${token}`,
      "Idempotency-Key": crypto.randomUUID(),
    };
    return makeOperation(operation.kind, operation, {
      ...operation.context,
      fetchOptions: { headers },
    });
  },
});
const client = new Client({
  url,
  fetchOptions: { headers: { authorization: `Bearer ${token}` } },
  exchanges: [
    keys,
    retryExchange({ initialDelayMs: 300, maxNumberAttempts: 5, retryIf: (e) => !!e.networkError }),
    fetchExchange,
  ],
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
const { data } = await client.mutation(CREATE, { input });
console.log(data.createTicket.ticket.id);
