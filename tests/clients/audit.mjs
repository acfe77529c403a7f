// The audits of GraphQL over HTTP that graphql-http has for servers.
import { auditServer } from "graphql-http";

const results = await auditServer({ url: process.env.DESK_URL });
const shown = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
console.log(JSON.stringify(shown));
