import { useEffect, useState } from "preact/hooks";
import type { Cursored } from "../api/envelope";
import { useQuestion } from "../api/question";
import type { Beacon } from "../api/types";
import { Page } from "../layout/page";
import { ErrorBox, Skeleton } from "../parts/states";
import { projectId } from "../session";
import { Dashboard } from "./overview/dashboard";
import { FirstRun } from "./overview/first-run";
import type { Overview as OverviewData } from "./overview/types";

/** The first page: 30 days at a glance; for a project without events, how to get the first one. */
export default function Overview() {
  return <OverviewOf key={projectId.value} />;
}

function OverviewOf() {
  const overview = useQuestion<OverviewData>("/api/dashboard/overview");
  const [first, setFirst] = useState<Beacon>();
  const isEmpty = overview.data?.kpis.events.value === 0;
  // What the overview keeps may be older than the newest beacon: the rows themselves are asked when it says that there are none.
  const newest = useQuestion<Cursored<Beacon>>(
    isEmpty && !first ? "/api/analytics/events/list" : null,
    { kind: "metric", limit: 1, from: "now-30d" },
    { everyMs: 0, fresh: true },
  );

  // Once there, the first steps stay until whoever reads them goes on: the first event must not take them away.
  const [steps, setSteps] = useState<"unknown" | "shown" | "done">("unknown");
  const isNew = isEmpty && newest.data !== undefined && newest.data.items.length === 0;
  useEffect(() => {
    if (isNew && steps === "unknown") {
      setSteps("shown");
    }
  }, [isNew, steps]);

  if (overview.data === undefined || (isEmpty && newest.isLoading && steps !== "shown")) {
    return (
      <Page title="Overview">
        {overview.error ? (
          <ErrorBox error={overview.error} again={overview.again} />
        ) : (
          <>
            <Skeleton height={106} />
            <Skeleton height={340} />
            <Skeleton height={300} />
          </>
        )}
      </Page>
    );
  }
  if (steps === "shown" || (isNew && steps === "unknown")) {
    return (
      <FirstRun
        first={first}
        onFirst={setFirst}
        onDone={() => {
          overview.again();
          setSteps("done");
        }}
      />
    );
  }
  return <Dashboard overview={overview} />;
}
