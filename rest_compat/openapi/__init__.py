"""The OpenAPI document, and the shapes and fields that it is made of."""
