import { Environment, Network, RecordSource, Store } from "relay-runtime";

export function deskEnvironment(url, token, textOf) {
  const network = Network.create(async ({ id, text }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token()}` },
      // Without persistConfig each document brings its text.
      body: JSON.stringify({ query: text ?? textOf(id), variables }),
    });
    return response.json();
  });
  return new Environment({ network, store: new Store(new RecordSource()) });
}
