import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useQuestion } from "../../api/question";
import { Segments } from "../../parts/button";
import { ConfirmButton } from "../../parts/fields";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { toast } from "../../parts/small";
import { EmptyState } from "../../parts/states";
import { Pager } from "../../parts/table";
import { useParam } from "../../range/range";
import { DeliveryTable } from "./delivery-table";
import type { Channel, Delivery } from "./types";

const STATES = [
  { id: "", label: "All" },
  { id: "waiting", label: "On their way" },
  { id: "delivered", label: "Delivered" },
  { id: "dead", label: "Dead" },
] as const;
type State = (typeof STATES)[number]["id"];

/** What was told to whom, what is on its way, and what could not be told. */
export function Deliveries() {
  const [state, setState] = useParam("state", "");
  const [channel, setChannel] = useParam("channel", "");
  const [at, setAt] = useParam("at", "1");
  const channels = useQuestion<Paged<Channel>>(
    "/api/channels",
    { page_size: 200 },
    { fresh: true, everyMs: 0 },
  );
  const deliveries = useQuestion<Paged<Delivery>>(
    "/api/deliveries",
    { state, channel_id: channel, page: at, page_size: 25 },
    { fresh: true, everyMs: 5_000 },
  );
  const names = new Map((channels.data?.items ?? []).map((one) => [one.id, one.name]));
  return (
    <Panel
      title="Deliveries"
      actions={
        <>
          <Segments label="State" value={state as State} options={STATES} onChange={setState} />
          <Select
            label="Channel"
            value={channel}
            options={[{ id: "", label: "All channels" }, ...[...names].map(([id, label]) => ({ id, label }))]}
            onChange={setChannel}
          />
          <ConfirmButton
            label="Replay dead"
            isHarmless
            title="Send all dead ones again"
            run={async () => {
              const done = await send<{ replayed: number }>(
                "POST",
                "/api/deliveries/replay",
                channel ? { channel_id: channel } : {},
              );
              toast(`${done.data.replayed} are sent again`);
              deliveries.again();
            }}
          >
            All notices{channel ? " of this channel" : ""} that are dead are sent again, each with the id that
            it had: receivers that have taken one know it by that.
          </ConfirmButton>
        </>
      }
      flush
    >
      <AnswerOf
        of={deliveries}
        height={10 * 40}
        canShrink
        isEmpty={(data) => data.items.length === 0}
        empty={
          <EmptyState
            title={state === "dead" ? "Everything could be told" : "Nothing was told yet"}
            icon="check"
          >
            When an alert fires and a channel wants to hear of it, what was sent and what came back stands
            here.
          </EmptyState>
        }
      >
        {(data) => (
          <>
            <DeliveryTable rows={data.items} channels={names} onChanged={deliveries.again} />
            <Pager list={data} onPage={(next) => setAt(String(next))} />
          </>
        )}
      </AnswerOf>
    </Panel>
  );
}
