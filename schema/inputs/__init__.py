"""The input types of the GraphQL schema."""
