// Shows the API document that is served beside this page. A token that is entered stays in memory.

globalThis.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  // It would send the document to a server of others.
  validatorUrl: null,
});
