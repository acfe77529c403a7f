// What @hey-api/openapi-ts generates for fetch.

import { client } from "../made/hey-api/client.gen.js";
import {
  getMediaKey,
  getTickets,
  postAuthLogin,
  postTicketAttachments,
  postTickets,
  postTicketsIdAddComment,
} from "../made/hey-api/index.js";
import { BASE, run } from "./flow.js";

client.setConfig({ baseUrl: BASE, throwOnError: true });

await run({
  async login(username, password) {
    const { data } = await postAuthLogin({ body: { username, password }, throwOnError: true });
    return data.access;
  },
  async list(auth, page_size) {
    return (await getTickets({ auth, query: { page_size }, throwOnError: true })).data;
  },
  async create(auth, subject, company) {
    const body = { subject, description: "With all of its types", priority: "high", company } as const;
    return (await postTickets({ auth, body, throwOnError: true })).data;
  },
  async comment(auth, id, text) {
    const sent = { auth, path: { id }, body: { text }, throwOnError: true } as const;
    return (await postTicketsIdAddComment(sent)).data;
  },
  async upload(auth, ticket, file) {
    return (await postTicketAttachments({ auth, body: { ticket, file }, throwOnError: true })).data;
  },
  async download(auth, key) {
    const wanted = { auth, path: { key }, parseAs: "blob", throwOnError: true } as const;
    return (await getMediaKey(wanted)).data;
  },
});
