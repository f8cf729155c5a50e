import { useMemo } from "preact/hooks";
import { useLocation } from "preact-iso";
import { useCursorList } from "../../api/cursor";
import type { Paged } from "../../api/envelope";
import { useQuestion } from "../../api/question";
import type { Beacon } from "../../api/types";
import { TimeChart } from "../../charts/time-chart";
import { count } from "../../format";
import { Page } from "../../layout/page";
import { Beacons, More } from "../../parts/beacons";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time } from "../../parts/small";
import { Stat, Stats } from "../../parts/stat";
import { Badge, EmptyState } from "../../parts/states";
import { linkTo, type RangeState } from "../../range/range";
import { RangeBar } from "../../range/rangebar";
import { Decide, ErrorStateBadge } from "./state";
import type { ErrorGroup } from "./types";

const CHART_PX = 160;

type Groups = Paged<ErrorGroup> & { from: string; to: string; timezone: string };

/** One kind of error: how often, since when, in which releases, and each time that it happened. */
export function OneError({ range, fingerprint }: { range: RangeState; fingerprint: string }) {
  const { url } = useLocation();
  const asked = { ...range.filters, ...range.params };
  // A list is asked for: it is kept from the page before, and has the whole of the group.
  const groups = useQuestion<Groups>("/api/analytics/errors", { ...asked, page_size: 500 });
  const group = groups.data?.items.find((one) => one.fingerprint === fingerprint);
  const list = useCursorList<Beacon>("/api/analytics/errors/events", { ...asked, fingerprint, limit: 50 });
  const drawn = useMemo(() => {
    const from = Date.parse(groups.data?.from ?? "");
    const part = (Date.parse(groups.data?.to ?? "") - from) / (group?.points.length ?? 1);
    const points = group?.points ?? [];
    return {
      times: points.map((_, place) => Math.round(from + place * part)),
      lines: [{ label: "Times", values: points, colour: 3, isBars: true }],
    };
  }, [groups.data, group]);
  return (
    <Page
      title={group?.title ?? "Error"}
      actions={
        <>
          <a href={linkTo("/errors", url)}>All errors</a>
          {group && <ErrorStateBadge state={group.state} />}
          {group && <Decide group={group} onDone={groups.again} />}
        </>
      }
      bar={<RangeBar range={range} suggest="event" canCompare={false} />}
    >
      <AnswerOf
        of={groups}
        height={CHART_PX + 140}
        canShrink
        isEmpty={() => !group}
        empty={
          <EmptyState title="It did not happen in this range" icon="check">
            Take a longer range or fewer filters.
          </EmptyState>
        }
      >
        {(data) =>
          group && (
            <div class="stack">
              <Stats label="The error in figures">
                <Stat label="Times" value={count(group.count)} />
                <Stat label="Sessions" value={count(group.sessions)} />
                <Stat label="Users" value={count(group.users)} />
                <Stat
                  label="Last seen"
                  value=""
                  foot={
                    <>
                      <Time at={group.last_seen} />, first <Time at={group.first_seen} />
                    </>
                  }
                />
              </Stats>
              <Panel
                title="Latest message"
                note={group.releases.length > 0 && `in ${group.releases.join(", ")}`}
              >
                <p class="code">{group.message}</p>
                <TimeChart
                  label="How often it happened"
                  times={drawn.times}
                  lines={drawn.lines}
                  unit="count"
                  zone={data.timezone}
                  height={CHART_PX}
                  hasLegend={false}
                  onZoom={range.zoom}
                />
              </Panel>
            </div>
          )
        }
      </AnswerOf>
      <Panel
        title="Each time"
        note="the newest first; each opens to all that it carried, and to its session"
        flush
      >
        <AnswerOf
          of={list.question}
          height={10 * 36}
          canShrink
          isEmpty={(data) => data.items.length === 0}
          empty={<Badge>Nothing in this range</Badge>}
        >
          {() => (
            <>
              <Beacons label="Each time" rows={list.rows} />
              <More list={list} />
            </>
          )}
        </AnswerOf>
      </Panel>
    </Page>
  );
}
