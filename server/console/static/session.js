// The login of this browser tab, and requests made with it.
// Tokens live in sessionStorage only: they end with the tab and never reach a URL or localStorage.

const STORAGE_KEY = "deskgraph.session";
const LOG_IN_AGAIN = "Your login has ended. Please log in again.";
const LOG_IN_FIRST = "Please log in first.";

const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { accessToken refreshToken user { username role } errors { message } }
}`;
const REFRESH = `mutation ($input: RefreshTokenInput!) {
  refreshToken(input: $input) { accessToken refreshToken errors { message } }
}`;
const LOGOUT = `mutation ($input: LogoutInput!) { logout(input: $input) { errors { message } } }`;

/**
 * Fires "change" after a login, a logout or the end of a login, whose `detail.message` says why;
 * fires "refused" when a request needs a login and there is none.
 */
export class Session extends EventTarget {
  #endpoint;
  #login; // {accessToken, refreshToken, user} or null
  #refreshing = null;

  constructor(endpoint) {
    super();
    this.#endpoint = endpoint;
    this.#login = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null");
  }

  get endpoint() {
    return this.#endpoint;
  }

  get user() {
    return this.#login?.user ?? null;
  }

  get accessToken() {
    return this.#login?.accessToken ?? null;
  }

  /** Throws an Error whose message can be shown when the server does not accept the login. */
  async login(username, password) {
    const payload = await this.#mutate(LOGIN, "login", { username, password });
    await this.#revoke();
    this.#store(payload);
    this.#fire("change", { user: payload.user });
  }

  async logout() {
    const revoked = this.#revoke();
    this.#store(null);
    this.#fire("change", { user: null });
    await revoked;
  }

  /** Answers one GraphQL request; a refused access token is exchanged once and the request repeated. */
  async query(params, headers = {}) {
    // An Authorization header typed into the editor is a test of its own: it wins, and a refusal
    // of it says nothing about the login of this page.
    if (new Headers(headers).has("authorization")) {
      return (await this.#post(params, headers)).answer;
    }
    const used = this.#login;
    let { answer, refused } = await this.#post(params, headers, used?.accessToken);
    if (refused && used && (await this.#renew(used))) {
      ({ answer, refused } = await this.#post(params, headers, this.accessToken));
    }
    // Another login may have begun while this request was under way: leave that one alone.
    if (refused && this.#login?.user === used?.user) {
      this.#store(null);
      if (used) this.#fire("change", { user: null, message: LOG_IN_AGAIN });
      else this.#fire("refused", { message: LOG_IN_FIRST });
    }
    return answer;
  }

  /** Requests that are refused together share one exchange: a refresh token may work only once. */
  async #renew(used) {
    if (this.#login !== used) return this.#login !== null;
    this.#refreshing ??= this.#exchange(used).finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #exchange(used) {
    try {
      const input = { refreshToken: used.refreshToken };
      const { accessToken, refreshToken } = await this.#mutate(REFRESH, "refreshToken", input);
      if (this.#login !== used) return false;
      this.#store({ ...used, accessToken, refreshToken: refreshToken ?? used.refreshToken });
      return true;
    } catch {
      return false;
    }
  }

  /** Tells the server to forget the refresh token; the page logs out even when it cannot. */
  async #revoke() {
    const login = this.#login;
    if (!login?.refreshToken) return;
    const variables = { input: { refreshToken: login.refreshToken } };
    await this.#post({ query: LOGOUT, variables }, {}, login.accessToken).catch(() => {});
  }

  async #mutate(query, field, input) {
    let answer;
    try {
      ({ answer } = await this.#post({ query, variables: { input } }));
    } catch {
      throw new Error("The server cannot be reached.");
    }
    const payload = answer.data?.[field];
    if (payload?.accessToken) return payload;
    const problem = payload?.errors?.[0] ?? answer.errors?.[0];
    throw new Error(problem?.message ?? "The server did not accept this login.");
  }

  async #post(params, headers = {}, token = null) {
    const sent = new Headers({ Accept: "application/json", ...headers });
    sent.set("Content-Type", "application/json");
    if (token) sent.set("Authorization", `Bearer ${token}`);
    const body = JSON.stringify(params);
    const response = await fetch(this.#endpoint, { method: "POST", headers: sent, body });
    const answer = await readJson(response);
    const codes = (answer.errors ?? []).map((error) => error.extensions?.code);
    return { answer, refused: response.status === 401 || codes.includes("UNAUTHENTICATED") };
  }

  #store(login) {
    this.#login = login && {
      accessToken: login.accessToken,
      refreshToken: login.refreshToken,
      user: login.user,
    };
    if (login) sessionStorage.setItem(STORAGE_KEY, JSON.stringify(this.#login));
    else sessionStorage.removeItem(STORAGE_KEY);
  }

  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** A proxy in between may answer with a page of its own; GraphiQL can only show JSON. */
async function readJson(response) {
  const text = await response.text();
  try {
    const answer = JSON.parse(text);
    if (answer && typeof answer === "object") return answer;
  } catch {
    // falls through to the sentence below
  }
  return { errors: [{ message: `The server answered ${response.status}, not with JSON.` }] };
}
