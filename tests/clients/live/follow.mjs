const EVENTS = `subscription($after: String) {
  ticketEvents(after: $after) { cursor type ticketId ticket { id subject } }
}`;

/** Follow the feed after a cursor until `each` calls the function that it is given. */
export function followed(client, after, each) {
  // The client sends this again when it connects again, by then with the last cursor that came.
  const payload = { query: EVENTS, variables: { after } };
  return new Promise((resolve, reject) => {
    const stop = client.subscribe(payload, {
      next({ data, errors }) {
        if (errors) return reject(errors);
        payload.variables.after = data.ticketEvents.cursor;
        each(data.ticketEvents, () => stop());
      },
      error: reject,
      complete: resolve,
    });
  });
}
