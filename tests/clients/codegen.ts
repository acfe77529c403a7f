import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema/snapshots/schema.graphql",
  documents: "app/*.ts",
  // Imports end in .js, as Node and strict bundlers want them.
  emitLegacyCommonJSImports: false,
  generates: {
    "app/generated/": {
      preset: "client",
      presetConfig: {
        fragmentMasking: false,
        persistedDocuments: { hashAlgorithm: "sha256" },
      },
      config: {
        scalars: { DateTime: "string", JSON: "unknown", Upload: "File" },
        strictScalars: true,
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
