import { cacheExchange, Client, fetchExchange } from "@urql/core";

export function deskClient(url, token) {
  return new Client({
    url,
    exchanges: [cacheExchange, fetchExchange],
    // Subscriptions come by the same address, as server-sent events.
    fetchSubscriptions: true,
    fetchOptions: () => ({ headers: { authorization: `Bearer ${token()}` } }),
  });
}
