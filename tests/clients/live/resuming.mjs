/**
 * Wrap a client of graphql-ws or graphql-sse: when it subscribes again after a lost connection, it
 * goes on after the last event that came. `ticketEvents` has to select its `cursor`.
 */
export function resuming(client) {
  return {
    ...client,
    subscribe(request, sink) {
      const payload = { ...request, variables: { ...request.variables } };
      return client.subscribe(payload, {
        ...sink,
        next(result) {
          payload.variables.after = result.data?.ticketEvents?.cursor ?? payload.variables.after;
          sink.next(result);
        },
      });
    },
  };
}
