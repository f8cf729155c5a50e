import { useState } from "preact/hooks";
import { send } from "../../api/client";
import { useChange, useQuestion } from "../../api/question";
import { duration } from "../../format";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { AnswerOf } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Badge, ErrorBox } from "../../parts/states";
import { Table } from "../../parts/table";
import type { Delivery, Try } from "./types";
import { groupOf, LevelBadge } from "./words";

const STATES = {
  waiting: { tone: "warning", icon: "clock", word: "On its way" },
  delivered: { tone: "good", icon: "check", word: "Delivered" },
  dead: { tone: "critical", icon: "critical", word: "Dead" },
} as const;

const OUTCOMES = { delivered: "Delivered", retried: "Tried again", given_up: "Given up" };

function StateOf({ state }: { state: Delivery["state"] }) {
  const { tone, icon, word } = STATES[state];
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}

interface DeliveryTableProps {
  rows: Delivery[];
  /** Names of channels by their ids; a channel that was deleted has none. */
  channels?: ReadonlyMap<string, string>;
  onChanged: () => void;
}

/** What was told to whom; a row opens each try with what was sent and what came back. */
export function DeliveryTable({ rows, channels, onChanged }: DeliveryTableProps) {
  const [open, setOpen] = useState<string>();
  return (
    <>
      <Table
        label="Deliveries"
        rows={rows}
        rowId={(row) => row.id}
        onRow={(row) => setOpen(row.id)}
        columns={[
          { id: "state", title: "State", render: (row) => <StateOf state={row.state} /> },
          {
            id: "what",
            title: "What",
            render: (row) => (
              <>
                <strong>{row.notice.title}</strong> <span class="soft">{row.notice.event}</span>{" "}
                <span class="faint">{groupOf(row.notice.labels)}</span>
              </>
            ),
          },
          {
            id: "level",
            title: "Level",
            isMinor: true,
            render: (row) => <LevelBadge level={row.notice.level} />,
          },
          ...(channels
            ? [
                {
                  id: "to",
                  title: "To",
                  isMinor: true,
                  render: (row: Delivery) => channels.get(row.channel_id) ?? "a deleted channel",
                },
              ]
            : []),
          { id: "tries", title: "Tries", isNumber: true, render: (row) => row.attempts },
          {
            id: "error",
            title: "Last fault",
            isMinor: true,
            render: (row) => row.last_error ?? "",
          },
          { id: "at", title: "When", isNumber: true, render: (row) => <Time at={row.created_at_ms} /> },
        ]}
      />
      {open && (
        <DeliveryDialog
          id={open}
          onClose={() => setOpen(undefined)}
          onChanged={() => {
            setOpen(undefined);
            onChanged();
          }}
        />
      )}
    </>
  );
}

function DeliveryDialog({
  id,
  onClose,
  onChanged,
}: {
  id: string;
  onClose: () => void;
  onChanged: () => void;
}) {
  const delivery = useQuestion<Delivery>(`/api/deliveries/${id}`, {}, { fresh: true, everyMs: 5_000 });
  const replay = useChange(async () => {
    await send("POST", `/api/deliveries/${id}/replay`);
    toast("It is sent again, with the same id");
    onChanged();
  });
  return (
    <Dialog title="Delivery" isWide onClose={onClose}>
      <AnswerOf of={delivery} height={200} canShrink>
        {(data) => (
          <div class="stack">
            <div class="row">
              <StateOf state={data.state} />
              <strong>{data.notice.title}</strong>
              <span class="soft">{data.notice.event}</span>
              {data.state === "waiting" && (
                <span class="soft">
                  tried next <Time at={data.next_at_ms} />
                </span>
              )}
              <span class="push">
                <Button
                  isBusy={replay.isBusy}
                  disabled={data.state === "waiting"}
                  onClick={() => replay.run()}
                >
                  Send again
                </Button>
              </span>
            </div>
            {replay.error && <ErrorBox error={replay.error} />}
            {data.message_id && (
              <p class="small soft">
                <span class="code">webhook-id: {data.message_id}</span>, the same on each try
              </p>
            )}
            {data.tries?.length === 0 && <p class="soft">It was not tried yet.</p>}
            {data.tries?.map((one) => (
              <TryOf key={one.id} one={one} />
            ))}
          </div>
        )}
      </AnswerOf>
    </Dialog>
  );
}

function TryOf({ one }: { one: Try }) {
  return (
    <details class="try" open={one.outcome !== "delivered"}>
      <summary>
        Try {one.number}: {OUTCOMES[one.outcome]}
        {one.status !== null && `, ${one.status}`}, {duration(one.took_ms)}, <Time at={one.at_ms} isExact />
        {one.error && <span class="tone-critical"> {one.error}</span>}
      </summary>
      <h3>Sent</h3>
      <pre class="code">
        {one.request_line}
        {"\n"}
        {one.request_headers}
        {"\n"}
        {readable(one.request_body)}
      </pre>
      <h3>Came back</h3>
      <pre class="code">{`${one.response_headers}\n${one.response_body}`.trim() || "nothing"}</pre>
    </details>
  );
}

/** JSON with lines, all else as it is. */
function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
