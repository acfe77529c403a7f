// What every generated client is used for, in the order in which a program would.

import assert from "node:assert/strict";

export interface Ticket {
  id: string;
  subject: string;
  priority: string;
  company: string;
  comments_count: number;
}

// One generated client; each method is one call of it.
export interface Client {
  login(username: string, password: string): Promise<string>;
  list(token: string, pageSize: number): Promise<{ count: number; results: Ticket[] }>;
  create(token: string, subject: string, company: string): Promise<Ticket>;
  comment(token: string, ticket: string, text: string): Promise<Ticket>;
  upload(token: string, ticket: string, file: File): Promise<{ file: string; name: string }>;
  download(token: string, key: string): Promise<Blob>;
}

export const BASE = process.env.REST_URL ?? "";
const BYTES = new Uint8Array([0, 1, 2, 253, 254, 255]);

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

export async function run(client: Client): Promise<void> {
  const token = await client.login("admin", "demo-desk-2025");
  const page = await client.list(token, 3);
  assert.equal(page.results.length, 3);
  assert.ok(page.count > 3);
  const company = page.results[0]?.company ?? "";

  const made = await client.create(token, "Made by a generated client", company);
  assert.equal(made.subject, "Made by a generated client");
  assert.equal(made.priority, "high");
  assert.equal(made.company, company);

  const commented = await client.comment(token, made.id, "Working on this now");
  assert.equal(commented.id, made.id);
  assert.equal(commented.comments_count, 1);

  const stored = await client.upload(token, made.id, new File([BYTES], "bytes.bin"));
  assert.equal(stored.name, "bytes.bin");
  const content = await client.download(token, stored.file.slice("/media/".length));
  assert.deepEqual(new Uint8Array(await content.arrayBuffer()), BYTES);
}
