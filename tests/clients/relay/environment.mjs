import { Environment, Network, RecordSource, Store } from "relay-runtime";

export function deskEnvironment(url, token) {
  const network = Network.create(async ({ id, text }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token()}` },
      // Without persistConfig a document has no id, and brings its text.
      body: JSON.stringify({ ...(id ? { documentId: id } : { query: text }), variables }),
    });
    return response.json();
  });
  return new Environment({ network, store: new Store(new RecordSource()) });
}
