// What orval generates for fetch.

import {
  getMediaKey,
  getTickets,
  postAuthLogin,
  postTicketAttachments,
  postTickets,
  postTicketsIdAddComment,
} from "../made/orval.js";
import { bearer, run } from "./flow.js";

interface Answer {
  status: number;
  data: unknown;
}

function refused(answer: Answer): Error {
  return new Error(`${answer.status}: ${JSON.stringify(answer.data)}`);
}

await run({
  async login(username, password) {
    const answer = await postAuthLogin({ username, password });
    if (answer.status !== 200) throw refused(answer);
    return answer.data.access;
  },
  async list(token, page_size) {
    const answer = await getTickets({ page_size }, { headers: bearer(token) });
    if (answer.status !== 200) throw refused(answer);
    return answer.data;
  },
  async create(token, subject, company) {
    const body = { subject, description: "With all of its types", priority: "high", company } as const;
    const answer = await postTickets(body, { headers: bearer(token) });
    if (answer.status !== 201) throw refused(answer);
    return answer.data;
  },
  async comment(token, id, text) {
    const answer = await postTicketsIdAddComment(id, { text }, { headers: bearer(token) });
    if (answer.status !== 201) throw refused(answer);
    return answer.data;
  },
  async upload(token, ticket, file) {
    const answer = await postTicketAttachments({ ticket, file }, { headers: bearer(token) });
    if (answer.status !== 201) throw refused(answer);
    return answer.data;
  },
  async download(token, key) {
    const answer = await getMediaKey(key, undefined, { headers: bearer(token) });
    if (answer.status !== 200) throw refused(answer);
    return answer.data;
  },
});
