import type { TypedDocumentNode } from "@graphql-typed-document-node/core";

/** What the generator leaves in a document whose text is in the manifest. */
type Persisted = { __meta__?: { hash: string } };

/** Ask the desk; the types of the variables and of the answer are those of the document. */
export async function ask<Data, Variables>(
  url: string,
  token: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ documentId: (document as Persisted).__meta__?.hash, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
  if (errors?.[0]) throw new Error(errors[0].message);
  return data;
}
