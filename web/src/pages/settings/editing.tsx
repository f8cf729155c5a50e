import type { ComponentChildren } from "preact";
import { useChange } from "../../api/question";
import type { Project as ProjectData } from "../../api/types";
import { Button } from "../../parts/button";
import { folded } from "../../parts/fields";
import { Form } from "../../parts/form";

export interface Editing {
  project: ProjectData;
  /** Saves these members at the revision that was read. */
  save: (body: Record<string, unknown>) => Promise<void>;
  /** Reads it again, when somebody else has changed it. */
  reread: () => void;
}

interface EditFormProps {
  editing: Editing;
  fields: readonly string[];
  body: () => Record<string, unknown>;
  children: (error: ReturnType<typeof folded>) => ComponentChildren;
}

/** A form over some members of the project. */
export function EditForm({ editing, fields, body, children }: EditFormProps) {
  const save = useChange(() => editing.save(body()));
  const error = folded(save.error, fields);
  return (
    <Form fields={fields} error={error} onSubmit={() => save.run()}>
      {error?.status === 409 && (
        <div class="row">
          <span class="small">
            Somebody else has changed the project meanwhile. What you typed here is not saved.
          </span>
          <Button onClick={editing.reread}>Read it again</Button>
        </div>
      )}
      {children(error)}
      <div class="row">
        <Button type="submit" look="primary" isBusy={save.isBusy}>
          Save
        </Button>
      </div>
    </Form>
  );
}
