"""What the desk does, and who may see and do it; knows neither GraphQL nor HTTP."""
