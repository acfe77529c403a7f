// Shows the API document that is served beside this page, with the login of the bar.

import { mountBar } from "./bar.js";
import { restLogins } from "./logins.js";
import { Session } from "./session.js";

// The name of the token in the document.
const SCHEME = "token";

const config = JSON.parse(document.getElementById("page-config").textContent);
const session = new Session(restLogins(new URL("auth/", document.baseURI)), config.lastingLogin);
// The token that calls are made with because of the login, not because somebody entered it.
let given = null;

const ui = globalThis.SwaggerUIBundle({
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
  onComplete: authorize,
  requestInterceptor: withFreshToken,
  responseInterceptor: noticeRefusal,
});

function authorize() {
  if (session.accessToken === given) return;
  given = session.accessToken;
  if (given) ui.preauthorizeApiKey(SCHEME, given);
  else ui.authActions.logout([SCHEME]);
}

async function withFreshToken(request) {
  if (given && request.headers?.Authorization === `Bearer ${given}`) {
    request.headers.Authorization = `Bearer ${(await session.freshToken()) ?? given}`;
    authorize();
  }
  return request;
}

/** A login that ended over there ends here, too, if it cannot be renewed. */
async function noticeRefusal(response) {
  const refused = given;
  if (response.status === 401 && refused && !(await isRenewed(response, refused))) {
    session.ended(refused);
  }
  return response;
}

async function isRenewed(response, refused) {
  // Only the login's own token says something about the login.
  const sent = response.headers?.["www-authenticate"] && session.accessToken === refused;
  return !sent || (await session.renew(refused));
}

// Swagger UI has colours for the dark, but asks nobody which are wanted.
const dark = matchMedia("(prefers-color-scheme: dark)");
const followTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followTheme);
followTheme();

session.addEventListener("change", authorize);
session.addEventListener("token", authorize);
mountBar(session, config.demoLogins);

// Of the dialog's fields the one for the token comes first to mind.
document.addEventListener("click", ({ target }) => {
  if (!target.closest("button.authorize, button.authorization__btn")) return;
  requestAnimationFrame(() => document.getElementById("auth-bearer-value")?.focus());
});
