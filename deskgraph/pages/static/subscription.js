// Subscriptions over one WebSocket each, by the graphql-transport-ws protocol.

import { isUnauthenticated, LOG_IN_AGAIN } from "./session.js";

// How many events are listed, the newest first.
const MOST_EVENTS = 100;
// How long to wait before connecting again, in milliseconds: doubled from the first to the last.
const FIRST_WAIT = 500;
const LAST_WAIT = 15_000;
// How often a silent connection is asked whether it is still there, in milliseconds.
const PING_EVERY = 15_000;
// What another attempt would not change: a message, a protocol or an id that is wrong.
const FATAL = [4400, 4406, 4409];
const BAD_TOKEN = [4401, 4403];

/**
 * Yields what to show: {status, events}, and `errors` where it has ended with some. After a lost
 * connection it goes on, after the last event if the operation has a variable `$after`.
 * Leaving the loop closes the socket.
 */
export function subscribe(endpoint, request, session) {
  const stopped = new AbortController();
  const generator = follow(endpoint, request, session, stopped.signal);
  return {
    next: () => generator.next(),
    // A generator that waits ends only after its wait, so that is ended first.
    return() {
      stopped.abort();
      return generator.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* follow(endpoint, request, session, stopped) {
  const events = [];
  let wait = FIRST_WAIT;
  let cursor = null;
  while (!stopped.aborted) {
    const token = await session.freshToken();
    let refused = false;
    for await (const message of messages(endpoint, resumed(request, cursor), token, stopped)) {
      const { type, payload } = message;
      if (type === "connection_ack") {
        wait = FIRST_WAIT;
        yield { status: waiting(events), events };
      } else if (type === "next" && !(token && isUnauthenticated(payload))) {
        cursor = cursorOf(payload) ?? cursor;
        events.unshift(payload.errors ? payload : payload.data);
        events.length = Math.min(events.length, MOST_EVENTS);
        yield { status: waiting(events), events };
      } else if (type === "next" || (type === "closed" && BAD_TOKEN.includes(message.code))) {
        refused = true;
        break;
      } else if (type === "error" || type === "complete" || FATAL.includes(message.code)) {
        if (type === "error" && isUnauthenticated({ errors: payload })) session.ended(token);
        yield ended(events, payload, message.reason);
        return;
      }
    }
    if (refused && !(token && (await session.renew(token)))) {
      session.ended(token);
      yield ended(events, [{ message: LOG_IN_AGAIN }]);
      return;
    }
    if (refused || stopped.aborted) continue;
    yield { status: "The connection was lost; connecting again …", events };
    await sleep(wait, stopped);
    wait = Math.min(2 * wait, LAST_WAIT);
  }
}

function waiting({ length }) {
  if (!length) return "Connected, waiting for the first event …";
  return `Connected, waiting for the next event … (${length} so far, the newest first)`;
}

function ended(events, errors, reason) {
  const problems = errors ?? (reason ? [{ message: reason }] : null);
  return { status: "This has ended.", ...(problems && { errors: problems }), events };
}

function resumed(request, cursor) {
  if (cursor === null || !/\$after\b/.test(request.query)) return request;
  return { ...request, variables: { ...request.variables, after: cursor } };
}

function cursorOf({ data }) {
  return Object.values(data ?? {}).find((value) => value?.cursor)?.cursor;
}

/** Yields the messages of one connection, the last of which is of the type "closed". */
async function* messages(endpoint, request, token, stopped) {
  const url = new URL(endpoint, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url, "graphql-transport-ws");
  const came = queue();
  const send = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  const close = () => came.push({ type: "closed", code: 1000, reason: "" });
  let silent = false;
  const timer = setInterval(() => {
    // A closed lid or a lost network closes no socket by itself.
    if (silent) return close();
    silent = true;
    send({ type: "ping" });
  }, PING_EVERY);
  socket.onopen = () => {
    // Browsers cannot set headers on a WebSocket, so the token travels in the first message.
    send({ type: "connection_init", payload: token ? { Authorization: `Bearer ${token}` } : {} });
  };
  socket.onmessage = ({ data }) => {
    silent = false;
    const message = JSON.parse(data);
    if (message.type === "ping") send({ type: "pong" });
    if (message.type === "connection_ack") send({ id: "1", type: "subscribe", payload: request });
    if (message.type !== "ping" && message.type !== "pong") came.push(message);
  };
  socket.onclose = ({ code, reason }) => came.push({ type: "closed", code, reason });
  stopped.addEventListener("abort", close);
  try {
    for (let type = ""; type !== "closed"; ) {
      const message = await came.next();
      type = message.type;
      yield message;
    }
  } finally {
    clearInterval(timer);
    stopped.removeEventListener("abort", close);
    socket.onclose = null;
    socket.close();
  }
}

function sleep(milliseconds, stopped) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    stopped.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
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
