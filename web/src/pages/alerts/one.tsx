import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { alertsChanged } from "../../api/alert-stream";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { count, duration, inUnit, words } from "../../format";
import { Page } from "../../layout/page";
import { Button } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Stat, Stats } from "../../parts/stat";
import { Badge, EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import { linkTo } from "../../range/range";
import { may } from "../../session";
import { DeliveryTable } from "./delivery-table";
import { SilenceEditor } from "./silence-editor";
import type { Alert, AlertEvent, Delivery } from "./types";
import { groupOf, LevelBadge, measured, unitOfMetric } from "./words";

const EVENTS = { fired: "Fired", changed: "Another level", acknowledged: "Acknowledged", resolved: "Over" };

/** One alert: how it stands, what has happened to it, and who was told. */
export function OneAlert({ id }: { id: string }) {
  const { url, route } = useLocation();
  const [isSilencing, setSilencing] = useState(false);
  const alert = useQuestion<Alert & { history: AlertEvent[] }>(
    `/api/alerts/${id}`,
    {},
    { fresh: true, everyMs: 15_000 },
  );
  const changed = alertsChanged.value;
  useEffect(() => {
    if (changed > 0) {
      alert.again();
    }
  }, [changed, alert.again]);
  const acknowledge = useChange(async () => {
    await send("POST", `/api/alerts/${id}/acknowledge`);
    toast("You look after it: nobody else is woken");
    alert.again();
  });
  const isOpen = alert.data?.resolved_at_ms === null;
  return (
    <Page
      title={alert.data?.title ?? "Alert"}
      actions={
        <>
          <a href={linkTo("/alerts", url)}>All alerts</a>
          {may("admin") && isOpen && !alert.data?.acknowledged && (
            <Button look="primary" isBusy={acknowledge.isBusy} onClick={() => acknowledge.run()}>
              Acknowledge
            </Button>
          )}
          {may("admin") && isOpen && <Button onClick={() => setSilencing(true)}>Silence</Button>}
          {alert.data?.rule_id && (
            <Button
              onClick={() => route(linkTo("/alerts", url, { tab: "rules", rule: alert.data?.rule_id ?? "" }))}
            >
              Its rule
            </Button>
          )}
        </>
      }
    >
      <AnswerOf
        of={alert}
        height={400}
        canShrink
        empty={<EmptyState title="There is no such alert" icon="alerts" />}
      >
        {(data) => (
          <div class="stack">
            <Stats label="The alert in figures">
              <Stat
                label="Value"
                value={inUnit(data.value, unitOfMetric(data.labels.metric))}
                foot={measured(data)}
              />
              <Stat
                label="Found"
                value={count(data.count)}
                foot={data.sessions > 0 && `in ${count(data.sessions)} sessions`}
              />
              <Stat
                label={isOpen ? "Open for" : "Lasted"}
                value={duration((data.resolved_at_ms ?? Date.now()) - data.started_at_ms)}
                foot={<Time at={data.started_at_ms} isExact />}
              />
              <Stat
                label="State"
                value={isOpen ? "Open" : "Over"}
                foot={
                  data.acknowledged
                    ? "looked after"
                    : data.resolution === "rule_changed"
                      ? "its rule was changed"
                      : ""
                }
              />
            </Stats>
            <div class="grid-2">
              <Panel title="What it is of" note={groupOf(data.labels)}>
                <div class="row">
                  <LevelBadge level={data.level} />
                  {Object.entries(data.labels).map(([name, value]) => (
                    <Badge key={name}>
                      {words(name)}: {value || "(none)"}
                    </Badge>
                  ))}
                </div>
              </Panel>
              <Panel title="History" flush>
                <Table
                  label="History"
                  rows={data.history}
                  rowId={(row) => row.id}
                  columns={[
                    { id: "event", title: "What", render: (row) => EVENTS[row.event] },
                    { id: "level", title: "Level", render: (row) => <LevelBadge level={row.level} /> },
                    {
                      id: "value",
                      title: "Value",
                      isNumber: true,
                      render: (row) => inUnit(row.value, unitOfMetric(data.labels.metric)),
                    },
                    { id: "who", title: "By", isMinor: true, render: (row) => row.actor_name ?? "" },
                    {
                      id: "at",
                      title: "When",
                      isNumber: true,
                      render: (row) => <Time at={row.at_ms} isExact />,
                    },
                  ]}
                />
              </Panel>
            </div>
            {may("admin") && <Told id={id} />}
            {isSilencing && (
              <SilenceEditor
                labels={data.labels}
                onClose={() => setSilencing(false)}
                onDone={() => setSilencing(false)}
              />
            )}
          </div>
        )}
      </AnswerOf>
    </Page>
  );
}

function Told({ id }: { id: string }) {
  const told = useQuestion<Paged<Delivery>>(
    "/api/deliveries",
    { alert_id: id, page_size: 50 },
    { fresh: true, everyMs: 15_000 },
  );
  return (
    <Panel title="Who was told" flush>
      <AnswerOf
        of={told}
        height={160}
        canShrink
        isEmpty={(data) => data.items.length === 0}
        empty={
          <EmptyState title="Nobody" icon="alerts">
            No channel wants to hear of it, a silence keeps it quiet, or it was acknowledged before its time.
          </EmptyState>
        }
      >
        {(data) => <DeliveryTable rows={data.items} onChanged={told.again} />}
      </AnswerOf>
    </Panel>
  );
}
