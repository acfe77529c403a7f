// The login in the bar of each page. Its elements are in bar.html; this gives them their behaviour.

const element = (id) => document.getElementById(id);

export function mountBar(session, demoLogins) {
  const show = (message = "") => {
    const { user } = session;
    element("login-form").hidden = user !== null;
    element("login-state").hidden = user === null;
    element("login-who").textContent = user ? `${user.username} (${roleName(user.role)})` : "";
    element("login-error").textContent = message;
    for (const button of element("demo-logins").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.username === user?.username));
    }
  };

  const logIn = async (username, password) => {
    const buttons = document.querySelectorAll("#page-bar button");
    buttons.forEach((button) => (button.disabled = true));
    element("login-error").textContent = "";
    try {
      await session.login(username, password);
      element("login-form").reset();
    } catch (error) {
      element("login-error").textContent = error.message;
    } finally {
      buttons.forEach((button) => (button.disabled = false));
    }
  };

  element("login-form").addEventListener("submit", (event) => {
    event.preventDefault();
    logIn(element("login-username").value.trim(), element("login-password").value);
  });
  element("logout").addEventListener("click", () => session.logout());
  for (const type of ["change", "refused"]) {
    session.addEventListener(type, (event) => show(event.detail.message));
  }
  addDemoLogins(demoLogins, logIn);
  show();
}

function addDemoLogins(demoLogins, logIn) {
  const group = element("demo-logins");
  group.hidden = demoLogins.length === 0;
  for (const { username, password, label } of demoLogins) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.dataset.username = username;
    button.addEventListener("click", () => logIn(username, password));
    group.append(button);
  }
}

/** From GraphQL roles arrive as enum values: TECH is read more easily as Tech. */
function roleName(role) {
  return role.charAt(0) + role.slice(1).toLowerCase();
}
