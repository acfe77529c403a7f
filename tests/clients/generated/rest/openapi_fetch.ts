// openapi-fetch, over the types that openapi-typescript makes.

import createClient from "openapi-fetch";

import type { paths } from "../made/openapi-typescript.js";
import { BASE, bearer, run } from "./flow.js";

const client = createClient<paths>({ baseUrl: BASE });

function found<Data>(result: { data?: Data; error?: unknown }): Data {
  if (result.data === undefined) throw new Error(JSON.stringify(result.error));
  return result.data;
}

await run({
  async login(username, password) {
    return found(await client.POST("/api/v1/auth/login/", { body: { username, password } })).access;
  },
  async list(token, page_size) {
    const params = { query: { page_size } };
    return found(await client.GET("/api/v1/tickets/", { headers: bearer(token), params }));
  },
  async create(token, subject, company) {
    const body = { subject, description: "With all of its types", priority: "high", company } as const;
    return found(await client.POST("/api/v1/tickets/", { headers: bearer(token), body }));
  },
  async comment(token, id, text) {
    const params = { path: { id } };
    const path = "/api/v1/tickets/{id}/add_comment/";
    return found(await client.POST(path, { headers: bearer(token), params, body: { text } }));
  },
  async upload(token, ticket, file) {
    const sent = await client.POST("/api/v1/ticket-attachments/", {
      headers: bearer(token),
      // Its type for bytes is string; what is sent is what the serializer makes of it.
      body: { ticket, file: file as unknown as string },
      bodySerializer(body) {
        const form = new FormData();
        form.append("ticket", body.ticket);
        form.append("file", body.file as unknown as File);
        return form;
      },
    });
    return found(sent);
  },
  async download(token, key) {
    const params = { path: { key } };
    return found(
      await client.GET("/media/{key}", { headers: bearer(token), params, parseAs: "blob" }),
    );
  },
});
