import { send } from "../../api/client";
import { useChange } from "../../api/question";
import { Button } from "../../parts/button";
import { toast } from "../../parts/small";
import { Badge } from "../../parts/states";
import { may } from "../../session";
import type { ErrorGroup, ErrorState } from "./types";

const STATES = {
  open: { tone: "critical", icon: "errors", word: "Open" },
  reopened: { tone: "critical", icon: "warning", word: "Came back" },
  resolved: { tone: "good", icon: "check", word: "Resolved" },
  ignored: { tone: undefined, icon: undefined, word: "Ignored" },
} as const;

export function ErrorStateBadge({ state }: { state: ErrorState }) {
  const { tone, icon, word } = STATES[state];
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}

/** What can be decided about an error; nothing for those who only look. */
export function Decide({ group, onDone }: { group: ErrorGroup; onDone: () => void }) {
  const decide = useChange(async (state: ErrorState, word: string) => {
    await send("PATCH", `/api/errors/${group.fingerprint}`, { state });
    toast(word);
    onDone();
  });
  if (!may("admin")) {
    return null;
  }
  const isOpen = group.state === "open" || group.state === "reopened";
  return (
    <div class="row">
      {isOpen ? (
        <>
          <Button
            look="primary"
            icon="check"
            isBusy={decide.isBusy}
            onClick={() => decide.run("resolved", "Resolved: it opens again when it recurs")}
          >
            Resolve
          </Button>
          <Button isBusy={decide.isBusy} onClick={() => decide.run("ignored", "Ignored from now on")}>
            Ignore
          </Button>
        </>
      ) : (
        <Button isBusy={decide.isBusy} onClick={() => decide.run("open", "Open again")}>
          Open again
        </Button>
      )}
      {decide.error && <span class="field-fault">{decide.error.message}</span>}
    </div>
  );
}
