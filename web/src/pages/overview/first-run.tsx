import { useEffect, useState } from "preact/hooks";
import { ask, send } from "../../api/client";
import type { Cursored } from "../../api/envelope";
import { followAs } from "../../api/live";
import { useChange } from "../../api/question";
import type { Beacon } from "../../api/types";
import { exactTime, words } from "../../format";
import { Page } from "../../layout/page";
import { Button, Snippet } from "../../parts/button";
import { Icon } from "../../parts/icon";
import { Panel } from "../../parts/panel";
import { ErrorBox } from "../../parts/states";
import { may, project } from "../../session";

interface FirstRunProps {
  first: Beacon | undefined;
  onFirst: (beacon: Beacon) => void;
  onDone: () => void;
}

/** From nothing to the first event: a key, something to paste, and the event as soon as it is there. */
export function FirstRun({ first, onFirst, onDone }: FirstRunProps) {
  const [key, setKey] = useState("");
  const make = useChange(async () => {
    const made = await send<{ secret: string }>("POST", "/api/keys", { kind: "browser", name: "Web page" });
    setKey(made.data.secret);
  });
  const { origin } = location;
  const shown = key || "YOUR_INGEST_KEY";
  const tag = `<script src="${origin}/fresnel.js" data-key="${shown}" defer></script>`;
  const curl = `curl -X POST '${origin}/api/analytics/events' \\
  -H 'Authorization: Bearer ${shown}' -H 'Content-Type: application/json' \\
  -d '{"session_id": "try-1", "event_type": "feature_discovery", "event_data": {"feature": "fresnel"}}'`;
  return (
    <Page title="Overview">
      <div class="stack" style={{ width: "100%", maxWidth: "46rem", margin: "0 auto" }}>
        <Waiting first={first} onFirst={onFirst} onDone={onDone} />
        <Panel title="1 · A key for your pages" note="public: it only posts">
          {key ? (
            <div class="stack-tight">
              <p class="small soft">
                Kept as a checksum only, so it is shown this once. It stands in the snippets below already.
              </p>
              <Snippet label="The key" text={key} />
            </div>
          ) : may("admin") ? (
            <div class="row">
              <Button look="primary" icon="plus" isBusy={make.isBusy} onClick={() => make.run()}>
                Make a key
              </Button>
              <span class="small soft">or take the ingest key that the first start printed.</span>
            </div>
          ) : (
            <p class="small soft">
              Ask an admin of {project.value?.name ?? "this project"} for an ingest key.
            </p>
          )}
          {make.error && <ErrorBox error={make.error} />}
        </Panel>
        <Panel title="2 · Paste this into your pages" note="before </head>">
          <Snippet label="Script tag" text={tag} />
        </Panel>
        <Panel title="Or try it from a terminal">
          <Snippet label="curl" text={curl} />
        </Panel>
      </div>
    </Page>
  );
}

/** An event is stored within a second, and told within one more. */
const MAX_AGE_MS = 1_000;
const KINDS = ["metric", "event", "funnel", "alert"] as const;
/** The newest event of any kind. */
async function newestEvent(): Promise<Beacon | undefined> {
  const lists = await Promise.all(
    KINDS.map((kind) =>
      ask<Cursored<Beacon>>("/api/analytics/events/list", { kind, limit: 1 }, { fresh: true }),
    ),
  );
  return lists.flatMap((list) => list.data.items).sort((a, b) => (a.ts < b.ts ? 1 : -1))[0];
}

function Waiting({ first, onFirst, onDone }: FirstRunProps) {
  useEffect(() => {
    if (first) {
      return;
    }
    let isLooking = false;
    // The figures of the last day hold all kinds in one small answer.
    return followAs("/api/dashboard/stats", MAX_AGE_MS, async (stats) => {
      if (isLooking || (stats as { events_last_day: number }).events_last_day === 0) {
        return;
      }
      isLooking = true;
      try {
        const newest = await newestEvent();
        if (newest) {
          onFirst(newest);
        }
      } catch {
        // The next answer asks again.
      }
      isLooking = false;
    });
  }, [first, onFirst]);

  return (
    <section class="panel" aria-live="polite" aria-label="The first event">
      {first ? (
        <div class="panel-body row" style={{ minHeight: "4.5rem" }}>
          <span class="tone-good">
            <Icon name="check" size={22} />
          </span>
          <div>
            <h2>Your first event is here</h2>
            <div class="small soft">
              {words(first.name || first.kind)} · {first.page || first.session_id} ·{" "}
              {exactTime(Date.parse(first.ts), project.value?.time_zone ?? "UTC")}
            </div>
          </div>
          <span class="push">
            <Button look="primary" onClick={onDone}>
              Show the dashboard
            </Button>
          </span>
        </div>
      ) : (
        <div class="panel-body row" style={{ minHeight: "4.5rem" }}>
          <span class="waiting-dot" />
          <div>
            <h2>Waiting for your first event…</h2>
            <div class="small soft">This page notices it by itself, within two seconds.</div>
          </div>
        </div>
      )}
    </section>
  );
}
