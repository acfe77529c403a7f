// The login of a page, and what keeps it good. With `lasting`, other tabs of the browser share it
// and it outlives them; without, it ends with the tab. Tokens never reach a URL.

const STORAGE_KEY = "deskgraph.session";
// A token that ends within this time is exchanged before it is used, in milliseconds.
const MARGIN = 30_000;
export const UNREACHABLE = "The server cannot be reached. Is it running?";
export const LOG_IN_AGAIN = "Your login has ended. Please log in again.";
export const LOG_IN_FIRST = "Please log in first.";

/**
 * Fires "change" after a login, a logout or the end of a login, whose `detail.message` says why;
 * fires "refused" when a request needs a login and there is none; fires "token" when there is
 * another token.
 *
 * `logins` talks to the server: `login(username, password)`, `refresh(refreshToken)` and
 * `logout(refreshToken, accessToken)`, all of which throw errors with a sentence.
 */
export class Session extends EventTarget {
  #logins;
  #storage;
  #login; // {accessToken, refreshToken, user: {username, role}} or null
  #refreshing = null;

  constructor(logins, lasting) {
    super();
    this.#logins = logins;
    this.#storage = lasting ? localStorage : sessionStorage;
    this.#login = this.#stored();
    window.addEventListener("storage", ({ storageArea, key }) => {
      if (storageArea === this.#storage && (key === STORAGE_KEY || key === null)) this.#adopt();
    });
  }

  get user() {
    return this.#login?.user ?? null;
  }

  get accessToken() {
    return this.#login?.accessToken ?? null;
  }

  /** Throws an Error whose message can be shown when the server does not accept the login. */
  async login(username, password) {
    const login = await this.#logins.login(username, password);
    await this.#revoke();
    this.#store(login);
    this.#fire("change", { user: login.user });
  }

  async logout() {
    const revoked = this.#revoke();
    this.#store(null);
    this.#fire("change", { user: null });
    await revoked;
  }

  /** Returns an access token that is good for a while yet, or null. */
  async freshToken() {
    const used = this.#login;
    if (used && endsAt(used.accessToken) < Date.now() + MARGIN) await this.renew(used.accessToken);
    return this.accessToken;
  }

  /**
   * Exchanges a token that was refused, unless there is another one already; false where there is
   * none. Requests that are refused together share one exchange: it may work only once.
   */
  async renew(refused) {
    if (this.#login?.accessToken !== refused) return this.#login !== null;
    // Another tab may have exchanged it a moment ago.
    const stored = this.#stored();
    if (stored && stored.accessToken !== refused) {
      this.#adopt();
      return true;
    }
    this.#refreshing ??= this.#exchange(this.#login).finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** Says that a request was refused for its token; `token` is null if it had none. */
  ended(token) {
    // Another login may have begun meanwhile: leave that one alone.
    if (this.accessToken !== token) return;
    if (token === null) {
      this.#fire("refused", { message: LOG_IN_FIRST });
    } else {
      this.#store(null);
      this.#fire("change", { user: null, message: LOG_IN_AGAIN });
    }
  }

  async #exchange(used) {
    try {
      const { accessToken, refreshToken } = await this.#logins.refresh(used.refreshToken);
      if (this.#login !== used) return this.#login !== null;
      this.#store({ ...used, accessToken, refreshToken: refreshToken ?? used.refreshToken });
      this.#fire("token", { user: this.user });
      return true;
    } catch {
      return false;
    }
  }

  /** Tells the server to forget the refresh token; the page logs out even when it cannot. */
  async #revoke() {
    const login = this.#login;
    if (!login?.refreshToken) return;
    await this.#logins.logout(login.refreshToken, login.accessToken).catch(() => {});
  }

  #stored() {
    try {
      return JSON.parse(this.#storage.getItem(STORAGE_KEY) ?? "null");
    } catch {
      return null;
    }
  }

  /** Takes over what another tab has stored. */
  #adopt() {
    const before = this.#login;
    this.#login = this.#stored();
    if (before?.accessToken === this.accessToken) return;
    const same = before?.user.username === this.user?.username;
    this.#fire(same ? "token" : "change", { user: this.user });
  }

  #store(login) {
    const { accessToken, refreshToken, user } = login ?? {};
    this.#login = login && { accessToken, refreshToken, user };
    if (login) this.#storage.setItem(STORAGE_KEY, JSON.stringify(this.#login));
    else this.#storage.removeItem(STORAGE_KEY);
  }

  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** When a token expires, in milliseconds; never, if it does not say. */
function endsAt(token) {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(claims)).exp * 1000;
  } catch {
    return Infinity;
  }
}

export function isUnauthenticated(answer) {
  return (answer.errors ?? []).some(({ extensions }) => extensions?.code === "UNAUTHENTICATED");
}

/** Sends JSON and returns {status, answer}; throws an Error with a sentence. */
export async function post(url, body, headers = {}) {
  const sent = new Headers({ Accept: "application/json", ...headers });
  sent.set("Content-Type", "application/json");
  let response, text;
  try {
    response = await fetch(url, { method: "POST", headers: sent, body: JSON.stringify(body) });
    text = await response.text();
  } catch {
    throw new Error(UNREACHABLE);
  }
  try {
    const answer = text ? JSON.parse(text) : {};
    if (answer && typeof answer === "object") return { status: response.status, answer };
  } catch {
    // A proxy in between may answer with a page of its own.
  }
  throw new Error(`The server answered ${response.status}, not with JSON.`);
}
