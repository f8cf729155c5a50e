import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { send } from "../api/client";
import { useChange } from "../api/question";
import { Door } from "../layout/door";
import { Button } from "../parts/button";
import { Field, Form } from "../parts/form";
import { Panel } from "../parts/panel";
import { toast } from "../parts/small";
import { session } from "../session";

/** What a link with a token leads to: `/invitation?token=…` and `/password-reset?token=…`. */
export function SetPassword({ isInvitation }: { isInvitation: boolean }) {
  const { query, route } = useLocation();
  const [token, setToken] = useState(query.token ?? "");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const title = isInvitation ? "Accept the invitation" : "Set a new password";
  useEffect(() => {
    document.title = `${title} · Fresnel`;
  }, [title]);
  const save = useChange(async () => {
    if (isInvitation) {
      await send(
        "POST",
        "/api/invitations/accept",
        { token: token.trim(), name, password },
        { everywhere: true },
      );
    } else {
      await send("POST", "/api/password-reset", { token: token.trim(), password }, { everywhere: true });
    }
    toast("The password is set. Log in with it.");
    session.value = null;
    // The token has been used up: it need not stay in the history.
    route("/", true);
  });
  return (
    <Door>
      <Panel title={title}>
        <Form
          // What is said of a token that came with the link stands above: it has no field.
          fields={query.token ? ["name", "password"] : ["token", "name", "password"]}
          error={save.error}
          onSubmit={() => save.run()}
        >
          {!query.token && (
            <Field label="Token" name="token" error={save.error}>
              {(own) => (
                <input
                  {...own}
                  class="input code"
                  autocomplete="off"
                  value={token}
                  onInput={(event) => setToken(event.currentTarget.value)}
                />
              )}
            </Field>
          )}
          {isInvitation && (
            <Field label="Your name" name="name" error={save.error}>
              {(own) => (
                <input
                  {...own}
                  class="input"
                  autocomplete="name"
                  value={name}
                  onInput={(event) => setName(event.currentTarget.value)}
                />
              )}
            </Field>
          )}
          <Field label="Password" name="password" error={save.error} hint="10 characters or more.">
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
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            {isInvitation ? "Join" : "Set the password"}
          </Button>
        </Form>
      </Panel>
    </Door>
  );
}
