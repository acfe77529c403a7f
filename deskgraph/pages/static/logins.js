// How each API logs in, for a Session.

import { post } from "./session.js";

const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { accessToken refreshToken user { username role } errors { message } }
}`;
const REFRESH = `mutation ($input: RefreshTokenInput!) {
  refreshToken(input: $input) { accessToken refreshToken errors { message } }
}`;
const LOGOUT = `mutation ($input: LogoutInput!) { logout(input: $input) { errors { message } } }`;

export function graphqlLogins(endpoint) {
  const mutate = async (query, field, input) => {
    const { answer } = await post(endpoint, { query, variables: { input } });
    const payload = answer.data?.[field];
    if (payload?.accessToken) return payload;
    const problem = payload?.errors?.[0] ?? answer.errors?.[0];
    throw new Error(problem?.message ?? answer.detail ?? "The server did not accept this login.");
  };
  return {
    login: (username, password) => mutate(LOGIN, "login", { username, password }),
    refresh: (refreshToken) => mutate(REFRESH, "refreshToken", { refreshToken }),
    logout: (refreshToken, accessToken) => {
      const variables = { input: { refreshToken } };
      const headers = { Authorization: `Bearer ${accessToken}` };
      return post(endpoint, { query: LOGOUT, variables }, headers);
    },
  };
}

/** `base` is the address of `auth/`. */
export function restLogins(base) {
  const send = async (path, body) => {
    const { answer } = await post(new URL(path, base), body);
    if (answer.access) return answer;
    const sentences = answer.non_field_errors ?? answer.error ?? answer.detail;
    throw new Error(sentences ? [sentences].flat().join(" ") : "The server did not accept this login.");
  };
  return {
    async login(username, password) {
      const { access, refresh, user } = await send("login/", { username, password });
      const { username: name, role } = user;
      return { accessToken: access, refreshToken: refresh, user: { username: name, role } };
    },
    async refresh(refreshToken) {
      const { access, refresh } = await send("refresh/", { refresh: refreshToken });
      return { accessToken: access, refreshToken: refresh };
    },
    logout: (refreshToken) => post(new URL("logout/", base), { refresh: refreshToken }),
  };
}
