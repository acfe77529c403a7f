// The rules of graphql-eslint for schemas, for the schema/snapshots/schema.graphql of the folder it runs in.
import graphql from "@graphql-eslint/eslint-plugin";

const { configs, parser } = graphql;

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: {
      parser,
      parserOptions: { graphQLConfig: { schema: "schema/snapshots/schema.graphql" } },
    },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...configs["flat/schema-all"].rules,
      ...configs["flat/schema-relay"].rules,

      // More than the preset asks for: everything is described.
      "@graphql-eslint/require-description": [
        "error",
        {
          types: true,
          rootField: true,
          DirectiveDefinition: true,
          EnumValueDefinition: true,
          FieldDefinition: true,
          InputValueDefinition: true,
        },
      ],

      // Types are sorted by name. Inside of one, fields and values stand in the order in which
      // people read them: the id and what matters first, a workflow from its beginning to its end.
      "@graphql-eslint/alphabetize": ["error", { definitions: true }],

      // What has no id is a part of something that has one, or of one answer only.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            types: [
              ...["Conflict", "ConflictingField", "DownloadLink", "FieldChange", "Merge", "PageInfo"],
              ...["RateLimit", "SearchSnippet", "SearchSnippetPart", "UndoRefusal", "UserError", "WebhookAttempt"],
            ],
            suffixes: ["Connection", "Count", "Edge", "Payload", "Permissions", "Reason", "Result", "Stats"],
          },
        },
      ],

      // Besides `edges` a connection has `nodes`, and short lists that never grow have no pages.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],

      // A search has pages forwards only. That lists have both is in tests/schema/types.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],

      // Off: names are those of REST (`ticket_number`, `username`, `contact_type`).
      "@graphql-eslint/no-typename-prefix": "off",

      // Off: it forbids mutations and subscriptions, for APIs that only read.
      "@graphql-eslint/no-root-type": "off",

      // Off: lists and payloads are always there, if only with errors in them. Where the request
      // itself is refused there is nothing else that could be shown.
      "@graphql-eslint/require-nullable-result-in-root": "off",

      // Off: payloads name what has changed; whoever wants more sends a query as well.
      "@graphql-eslint/require-field-of-type-query-in-mutation-result": "off",

      // Off: it wants an argument that GraphQL's own @deprecated does not have. The date is in the
      // reason, where `make schema-check` reads it.
      "@graphql-eslint/require-deprecation-date": "off",
    },
  },
];
