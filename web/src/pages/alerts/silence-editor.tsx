import { useState } from "preact/hooks";
import { send } from "../../api/client";
import { useChange } from "../../api/question";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { SelectField, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { toast } from "../../parts/small";
import { MatcherField, matcherOf, type Row, rowsOf } from "./matcher-field";

const HOURS = [
  { id: "1", label: "An hour" },
  { id: "4", label: "Four hours" },
  { id: "24", label: "A day" },
  { id: "168", label: "A week" },
  { id: "720", label: "30 days" },
] as const;
const HOUR_MS = 3_600_000;
/** Labels that make a silence mean more than was meant, or nothing tomorrow. */
const LEFT_OUT = ["source", "severity", "posted_by", "level"];

interface SilenceEditorProps {
  /** Of the alert that is to be quiet; none: conditions are typed. */
  labels?: Record<string, string>;
  onDone: () => void;
  onClose: () => void;
}

/** Keeps alerts from being told for a time. */
export function SilenceEditor({ labels = {}, onDone, onClose }: SilenceEditorProps) {
  const [rows, setRows] = useState<Row[]>(() =>
    rowsOf(
      Object.entries(labels)
        .filter(([label]) => !LEFT_OUT.includes(label))
        .map(([label, value]) => ({ label, values: [value] })),
    ),
  );
  const [hours, setHours] = useState("1");
  const [comment, setComment] = useState("");
  const save = useChange(async () => {
    await send("POST", "/api/silences", {
      matcher: matcherOf(rows),
      ends_at: new Date(Date.now() + Number(hours) * HOUR_MS).toISOString(),
      ...(comment ? { comment } : {}),
    });
    toast("Silenced");
    onDone();
  });
  return (
    <Dialog title="New silence" onClose={onClose}>
      <Form fields={["matcher", "ends_at", "comment"]} error={save.error} onSubmit={() => save.run()}>
        <MatcherField label="Alerts with" rows={rows} onChange={setRows} error={save.error} />
        <SelectField
          label="For"
          name="ends_at"
          value={hours}
          options={HOURS}
          onChange={setHours}
          error={save.error}
        />
        <TextField
          label="Why"
          name="comment"
          value={comment}
          onInput={setComment}
          error={save.error}
          placeholder="We move the database"
        />
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Silence
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </Form>
    </Dialog>
  );
}
