import { useState } from "preact/hooks";
import { exact, percent } from "../../format";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Panel } from "../../parts/panel";
import { Badge, EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import type { Account } from "./types";

interface Reason {
  title: string;
  /** What happened, and what the client was told. */
  means: string;
  /** What to do about it. */
  todo: string;
  /** Whether the client still has the item and sends it again, or nothing was lost by it. */
  isHarmless?: boolean;
}

/** The closed list of reasons, in words. */
export const REASONS: Record<string, Reason> = {
  invalid: {
    title: "Wrong fields",
    means: "A field is missing or wrong (400).",
    todo: "Look at the refused beacons below: each names its fields.",
  },
  bad_json: {
    title: "Not JSON",
    means: "The body cannot be read as JSON (400).",
    todo: "Send JSON.stringify(…), and look for bodies that are cut on their way.",
  },
  over_quota: {
    title: "Over quota",
    means: "The user has spent the quota of the hour (429).",
    todo: "Send less often, or raise the quota under Settings, Quotas.",
  },
  duplicate: {
    title: "Sent twice",
    means: "The same event_id is stored already (202).",
    todo: "Nothing: it is stored once, as it should be.",
    isHarmless: true,
  },
  robot: {
    title: "Robots",
    means: "A known robot sent it (202).",
    todo: "Nothing: robots are no users. The settings bots.* say which are left out.",
    isHarmless: true,
  },
  too_large: {
    title: "Too large",
    means: "The body is larger than its key may send (413).",
    todo: "Send smaller batches and shorter fields.",
  },
  unsupported_media: {
    title: "Unknown media type",
    means: "The Content-Type or Content-Encoding is not taken (415).",
    todo: "Send application/json or text/plain, plain or gzip.",
  },
  bad_encoding: {
    title: "Broken compression",
    means: "The body cannot be inflated (400).",
    todo: "Look at what compresses it, and at proxies on the way.",
  },
  body_timeout: {
    title: "Too slow",
    means: "The body did not arrive in time (408).",
    todo: "Slow networks; SDKs send it again. Many of them: look at the proxy.",
  },
  body_incomplete: {
    title: "Cut off",
    means: "The connection ended within the body.",
    todo: "Pages that were left. The SDK's sendBeacon gets most of them through.",
  },
  under_way: {
    title: "Sent at the same time",
    means: "The same id was waiting for its commit (503): the client tries again.",
    todo: "Nothing: the other one counts.",
    isHarmless: true,
  },
  log_full: {
    title: "Log full",
    means: "The log on disk had no room (503): clients try again.",
    todo: "The warehouse is behind or the disk is full: see System health, and wal.max_bytes.",
  },
  overloaded: {
    title: "Overloaded",
    means: "Too much was waiting for the disk (503): clients try again.",
    todo: "A faster disk, or another node.",
  },
  unavailable: {
    title: "Unavailable",
    means: "The log could not be written, or the server was stopping (503): clients try again.",
    todo: "If it was no restart: look at the disk, and at the log of the service.",
  },
  dead_letter: {
    title: "Dead letters",
    means: "The warehouse refused the row; it is kept beside the log.",
    todo: "scripts/insert-dead-letters stores them once their cause is mended.",
  },
};

export function reasonOf(id: string): Reason {
  return REASONS[id] ?? { title: id, means: "", todo: "" };
}

interface ReasonsProps {
  totals: Account;
  onChoose: (reason: string) => void;
}

/** Why items were dropped, and what to do about it. */
export function Reasons({ totals, onChoose }: ReasonsProps) {
  const [chosen, setChosen] = useState<string>();
  const rows = Object.entries(totals.reasons)
    .map(([id, items]) => ({ id, items, ...reasonOf(id) }))
    .sort((a, b) => b.items - a.items);
  return (
    <Panel title="Why items were dropped" note="choose one to see what it means" flush>
      {rows.length === 0 ? (
        <EmptyState title="Nothing was dropped" icon="check">
          Every item of this range is stored, or on its way.
        </EmptyState>
      ) : (
        <Table
          label="Reasons"
          rows={rows}
          rowId={(row) => row.id}
          onRow={(row) => setChosen(row.id)}
          columns={[
            {
              id: "reason",
              title: "Reason",
              render: (row) => (
                <span class="row">
                  <strong>{row.title}</strong>
                  {row.isHarmless && <Badge icon="check">Nothing lost</Badge>}
                </span>
              ),
            },
            {
              id: "items",
              title: "Items",
              isNumber: true,
              render: (row) => exact(row.items),
              sortBy: (row) => row.items,
            },
            {
              id: "share",
              title: "Of received",
              isNumber: true,
              isMinor: true,
              render: (row) => percent(totals.received > 0 ? row.items / totals.received : null),
            },
            {
              id: "means",
              title: "What it means",
              isMinor: true,
              render: (row) => <span class="wrap">{row.means}</span>,
            },
            {
              id: "todo",
              title: "What to do",
              isMinor: true,
              render: (row) => <span class="wrap soft">{row.todo}</span>,
            },
          ]}
        />
      )}
      {chosen && (
        <Explained
          id={chosen}
          items={totals.reasons[chosen] ?? 0}
          onClose={() => setChosen(undefined)}
          onShow={() => {
            setChosen(undefined);
            onChoose(chosen);
          }}
        />
      )}
    </Panel>
  );
}

interface ExplainedProps {
  id: string;
  items: number;
  onClose: () => void;
  onShow: () => void;
}

function Explained({ id, items, onClose, onShow }: ExplainedProps) {
  const reason = reasonOf(id);
  return (
    <Dialog title={`${exact(items)} dropped: ${reason.title}`} onClose={onClose}>
      <div class="stack">
        <p>{reason.means}</p>
        <p class="soft">{reason.todo}</p>
        <div class="row">
          <Button look="primary" onClick={onShow}>
            Show refused beacons
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
