import { useEffect, useState } from "preact/hooks";
import { send } from "../api/client";
import { useChange } from "../api/question";
import { Door } from "../layout/door";
import { Button } from "../parts/button";
import { Field, Form } from "../parts/form";
import { Panel } from "../parts/panel";
import { logIn } from "../session";

/** The user as whom the admin token acts (docs/api.md): it has no password until one is set with the token. */
const FIRST_USER = { id: "00000000-0000-0000-0000-000000000001", email: "admin@localhost" };

export function Login() {
  const [isFirst, setFirst] = useState(false);
  useEffect(() => {
    document.title = "Log in · Fresnel";
  }, []);
  return (
    <Door>
      {isFirst ? <FirstLogin /> : <UsualLogin />}
      <p class="small soft row" style={{ justifyContent: "center", marginTop: "1rem" }}>
        <Button look="quiet" onClick={() => setFirst(!isFirst)}>
          {isFirst ? "Log in with a password" : "First time here? Use the admin token"}
        </Button>
      </p>
    </Door>
  );
}

function UsualLogin() {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const login = useChange(() => logIn(email.trim(), password));
  return (
    <Panel title="Log in">
      <Form fields={["email", "password"]} error={login.error} onSubmit={() => login.run()}>
        <Field label="E-mail" name="email" error={login.error}>
          {(own) => (
            <input
              {...own}
              class="input"
              type="email"
              autocomplete="username"
              value={email}
              onInput={(event) => setEmail(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field
          label="Password"
          name="password"
          error={login.error}
          hint="Forgotten? An owner can make you a link to set a new one."
        >
          {(own) => (
            <input
              {...own}
              class="input"
              type="password"
              autocomplete="current-password"
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <Button type="submit" look="primary" isBusy={login.isBusy}>
          Log in
        </Button>
      </Form>
    </Panel>
  );
}

/** Sets the password of the first user with the token that the first start printed, and logs in. */
function FirstLogin() {
  const [token, setToken] = useState("");
  const [password, setPassword] = useState("");
  const start = useChange(async () => {
    await send(
      "PATCH",
      `/api/users/${FIRST_USER.id}`,
      { password },
      { token: token.trim(), everywhere: true },
    );
    await logIn(FIRST_USER.email, password);
  });
  return (
    <Panel title="Set the first password">
      <Form fields={["password"]} error={start.error} onSubmit={() => start.run()}>
        <Field label="Admin token" hint="The first start of Fresnel printed it.">
          {(own) => (
            <input
              {...own}
              class="input code"
              type="password"
              autocomplete="off"
              placeholder="fra_…"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field
          label="New password"
          name="password"
          error={start.error}
          hint={`10 characters or more. You then log in as ${FIRST_USER.email}.`}
        >
          {(own) => (
            <input
              {...own}
              class="input"
              type="password"
              autocomplete="new-password"
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <Button type="submit" look="primary" isBusy={start.isBusy} disabled={token === "" || password === ""}>
          Set and log in
        </Button>
      </Form>
    </Panel>
  );
}
