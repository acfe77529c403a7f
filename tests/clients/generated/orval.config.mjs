// The base address is part of what orval generates.
export default {
  deskgraph: {
    input: "../../../rest_compat/openapi.json",
    output: { target: "made/orval.ts", client: "fetch", baseUrl: process.env.REST_URL },
  },
};
