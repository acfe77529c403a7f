// Subscriptions over one WebSocket each, by the graphql-transport-ws protocol.

/** Yields answers until the server completes; leaving the loop closes the socket. */
export async function* subscribe(endpoint, params, token) {
  const url = new URL(endpoint, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url, "graphql-transport-ws");
  const messages = queue();
  socket.onopen = () => {
    // Browsers cannot set headers on a WebSocket, so the token travels in the first message.
    const payload = token ? { Authorization: `Bearer ${token}` } : {};
    socket.send(JSON.stringify({ type: "connection_init", payload }));
  };
  socket.onmessage = (event) => messages.push(JSON.parse(event.data));
  socket.onclose = (event) => messages.push({ type: "closed", reason: event.reason });
  try {
    for (;;) {
      const { type, payload, reason } = await messages.next();
      if (type === "connection_ack") {
        socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: params }));
      } else if (type === "ping") {
        socket.send(JSON.stringify({ type: "pong" }));
      } else if (type === "next") {
        yield payload;
      } else if (type === "error") {
        yield { errors: payload };
        return;
      } else if (type === "complete") {
        return;
      } else if (type === "closed") {
        yield { errors: [{ message: `The live connection has ended. ${reason}`.trim() }] };
        return;
      }
    }
  } finally {
    socket.onclose = null;
    socket.close();
  }
}

function queue() {
  const waiting = [];
  let wake = null;
  return {
    push(message) {
      waiting.push(message);
      wake?.();
    },
    async next() {
      while (!waiting.length) await new Promise((resolve) => (wake = resolve));
      return waiting.shift();
    },
  };
}
