"""The GraphQL operation that is equivalent to a REST call."""
