import { useState } from "preact/hooks";
import { send } from "../../api/client";
import { useChange } from "../../api/question";
import { Button, Segments } from "../../parts/button";
import { TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { Panel } from "../../parts/panel";
import { toast } from "../../parts/small";
import { role, session } from "../../session";
import { setTheme, type Theme, theme } from "../../theme";
import { SessionsOf } from "./person";

const THEMES: { id: Theme; label: string }[] = [
  { id: "system", label: "As the system" },
  { id: "light", label: "Light" },
  { id: "dark", label: "Dark" },
];

/** What concerns oneself alone. */
export function Account() {
  const user = session.value?.user;
  return (
    <>
      <div class="grid-2">
        <Panel title="You">
          <div class="stack">
            <div>
              <strong>{user?.name}</strong>
              <div class="small soft">
                {user?.email} ·{" "}
                {user?.is_instance_owner ? "instance owner" : `${role.value ?? "no role"} in this project`}
              </div>
            </div>
            <div class="stack-tight">
              <h3>Appearance, in this browser</h3>
              <div>
                <Segments label="Appearance" value={theme.value} options={THEMES} onChange={setTheme} />
              </div>
            </div>
          </div>
        </Panel>
        <Panel title="Password">
          <Password />
        </Panel>
      </div>
      <Panel title="Where you are logged in">
        <SessionsOf path="/api/sessions" isOwn />
      </Panel>
    </>
  );
}

function Password() {
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const change = useChange(async () => {
    await send("PUT", "/api/session/password", { old_password: old, password }, { everywhere: true });
    setOld("");
    setPassword("");
    toast("The password is changed; your other sessions are ended");
  });
  return (
    <Form fields={["old_password", "password"]} error={change.error} onSubmit={() => change.run()}>
      <TextField
        label="Old password"
        name="old_password"
        type="password"
        autocomplete="current-password"
        value={old}
        onInput={setOld}
        error={change.error}
      />
      <TextField
        label="New password"
        name="password"
        type="password"
        autocomplete="new-password"
        value={password}
        onInput={setPassword}
        error={change.error}
        hint="10 characters or more."
      />
      <div class="row">
        <Button type="submit" look="primary" isBusy={change.isBusy}>
          Change the password
        </Button>
      </div>
    </Form>
  );
}
