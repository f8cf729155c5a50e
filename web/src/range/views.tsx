import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { send } from "../api/client";
import type { Paged } from "../api/envelope";
import { useChange, useQuestion } from "../api/question";
import { Button } from "../parts/button";
import { Field, Form } from "../parts/form";
import { Popover } from "../parts/popover";
import { toast } from "../parts/small";
import { may, session } from "../session";

interface View {
  id: string;
  name: string;
  /** The query of the address. */
  state: string;
  owner: { id: string; name: string };
  is_shared: boolean;
}

/** Views of a page that were saved: all of its state is its address. */
export function SavedViews({ page }: { page: string }) {
  return (
    <Popover icon="save" label="Views" hasArrow side="end">
      {(close) => <Views page={page} close={close} />}
    </Popover>
  );
}

function Views({ page, close }: { page: string; close: () => void }) {
  const { path, route } = useLocation();
  const views = useQuestion<Paged<View>>("/api/views", { of_page: page, page_size: 200 }, { everyMs: 0 });
  const [name, setName] = useState("");
  const [isShared, setShared] = useState(false);
  const save = useChange(async () => {
    await send("POST", "/api/views", { name, page, state: location.search.slice(1), is_shared: isShared });
    toast(`Saved as “${name}”`);
    close();
  });
  const remove = useChange(async (view: View) => {
    await send("DELETE", `/api/views/${view.id}`);
    views.again();
  });
  return (
    <div class="popover-form">
      {views.data && views.data.items.length > 0 && (
        <div class="option-list">
          {views.data.items.map((view) => (
            <div key={view.id} class="row" style={{ flexWrap: "nowrap" }}>
              <button
                type="button"
                class="option"
                onClick={() => {
                  close();
                  route(`${path}?${view.state}`);
                }}
              >
                <span class="cut">{view.name}</span>
                <span class="push faint">{view.is_shared ? "shared" : ""}</span>
              </button>
              {(view.owner.id === session.value?.user.id || may("admin")) && (
                <Button
                  look="quiet"
                  icon="close"
                  label={`Delete ${view.name}`}
                  onClick={() => remove.run(view)}
                />
              )}
            </div>
          ))}
        </div>
      )}
      <Form fields={["name"]} error={save.error ?? remove.error} onSubmit={() => save.run()}>
        <Field label="Save what is shown as" name="name" error={save.error}>
          {(own) => (
            <input
              {...own}
              class="input"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        <label class="row small">
          <input
            type="checkbox"
            checked={isShared}
            onChange={(event) => setShared(event.currentTarget.checked)}
          />
          Others see it too
        </label>
        <Button type="submit" look="primary" isBusy={save.isBusy} disabled={name.trim() === ""}>
          Save
        </Button>
      </Form>
    </div>
  );
}
