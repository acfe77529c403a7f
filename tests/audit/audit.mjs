// The audits of GraphQL over HTTP that graphql-http has for servers, against the one at argv[2].
import { auditServer } from 'graphql-http'

const results = await auditServer({ url: process.argv[2] })
const shown = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))
console.log(JSON.stringify(shown))
