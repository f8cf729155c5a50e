import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { duration } from "../../format";
import { Button } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { toast } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import { ChannelEditor } from "./channel-editor";
import { matcherWords } from "./matcher-field";
import type { Channel, Try } from "./types";
import { LevelBadge } from "./words";

export const KINDS = [
  { id: "webhook", label: "Webhook (signed)" },
  { id: "slack", label: "Slack, Mattermost, Discord" },
  { id: "pager_duty", label: "PagerDuty" },
  { id: "alertmanager", label: "Alertmanager" },
  { id: "email", label: "E-mail" },
] as const;

/** Places that are told. */
export function Channels() {
  const [edited, setEdited] = useState<Channel | "new">();
  const channels = useQuestion<Paged<Channel>>(
    "/api/channels",
    { page_size: 200 },
    { fresh: true, everyMs: 30_000 },
  );
  const test = useChange(async (channel: Channel) => {
    const { data } = await send<Try>("POST", `/api/channels/${channel.id}/test`);
    const isTaken = data.outcome === "delivered";
    toast(
      isTaken
        ? `${channel.name} has taken the test in ${duration(data.took_ms)}`
        : `${channel.name} has not: ${data.error ?? data.status}`,
      !isTaken,
    );
  });
  return (
    <Panel
      title="Channels"
      actions={
        <Button icon="plus" onClick={() => setEdited("new")}>
          New channel
        </Button>
      }
      flush
    >
      <AnswerOf
        of={channels}
        height={200}
        canShrink
        isEmpty={(data) => data.items.length === 0}
        empty={
          <EmptyState
            title="Nobody is told yet"
            icon="alerts"
            action={
              <Button look="primary" icon="plus" onClick={() => setEdited("new")}>
                New channel
              </Button>
            }
          >
            Alerts show here, but wake nobody. Add a webhook, a room, a pager or people.
          </EmptyState>
        }
      >
        {(data) => (
          <Table
            label="Channels"
            rows={data.items}
            rowId={(row) => row.id}
            onRow={setEdited}
            columns={[
              { id: "name", title: "Name", render: (row) => <strong>{row.name}</strong> },
              {
                id: "kind",
                title: "Kind",
                render: (row) => KINDS.find((kind) => kind.id === row.target.kind)?.label ?? row.target.kind,
              },
              {
                id: "to",
                title: "To",
                isMinor: true,
                render: (row) => row.target.recipients?.join(", ") ?? row.target.url ?? "",
              },
              { id: "level", title: "From", render: (row) => <LevelBadge level={row.level_min} /> },
              {
                id: "which",
                title: "Alerts with",
                isMinor: true,
                render: (row) => matcherWords(row.matcher),
              },
              { id: "state", title: "State", render: stateOf },
              {
                id: "act",
                title: "",
                render: (row) => (
                  // biome-ignore lint/a11y/noStaticElementInteractions: only keeps the press from the row.
                  // biome-ignore lint/a11y/useKeyWithClickEvents: as above; the button has its own keys.
                  <span onClick={(event) => event.stopPropagation()}>
                    <Button isBusy={test.isBusy} onClick={() => test.run(row)}>
                      Send test
                    </Button>
                  </span>
                ),
              },
            ]}
          />
        )}
      </AnswerOf>
      {edited && (
        <ChannelEditor
          channel={edited === "new" ? undefined : edited}
          onClose={() => {
            setEdited(undefined);
            channels.again();
          }}
        />
      )}
    </Panel>
  );
}

function stateOf(channel: Channel) {
  if (channel.disabled_reason) {
    return (
      <Badge tone="critical" icon="critical">
        Turned off: {channel.disabled_reason}
      </Badge>
    );
  }
  if (!channel.target.is_readable) {
    return (
      <Badge tone="critical" icon="critical">
        Set its target anew
      </Badge>
    );
  }
  return channel.is_enabled ? (
    <Badge tone="good" icon="check">
      On
    </Badge>
  ) : (
    <Badge icon="pause">Off</Badge>
  );
}
