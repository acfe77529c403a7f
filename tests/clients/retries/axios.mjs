// axios with axios-retry: each write gets a key, and is then as safe to send again as a read.
import axios from "axios";
import axiosRetry, { isNetworkError, isRetryableError } from "axios-retry";

const desk = axios.create({
  baseURL: process.env.DESK_REST,
  headers: { authorization: `Bearer ${process.env.DESK_TOKEN}` },
});
desk.interceptors.request.use((config) => {
  // A retry is the same request with the headers of the first try.
  if (config.method !== "get" && !config.headers.has("Idempotency-Key")) {
    config.headers.set("Idempotency-Key", crypto.randomUUID());
  }
  return config;
});
axiosRetry(desk, {
  retries: 5,
  // It waits for as long as Retry-After says, where the answer has one.
  retryDelay: axiosRetry.exponentialDelay,
  retryCondition: (error) =>
    isNetworkError(error) || isRetryableError(error) || error.response?.status === 409,
});

const { data } = await desk.post("/tickets/", JSON.parse(process.env.DESK_TICKET));
console.log(data.id);
