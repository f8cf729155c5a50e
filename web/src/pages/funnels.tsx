import { useState } from "preact/hooks";
import type { Paged } from "../api/envelope";
import { useQuestion } from "../api/question";
import { count, duration, percent } from "../format";
import { Page } from "../layout/page";
import { Button } from "../parts/button";
import { Downloads } from "../parts/downloads";
import { Select } from "../parts/form";
import { AnswerOf, Panel } from "../parts/panel";
import { Stat, Stats } from "../parts/stat";
import { Badge, EmptyState } from "../parts/states";
import { useParam, useRange } from "../range/range";
import { RangeBar } from "../range/rangebar";
import { SavedViews } from "../range/views";
import { may } from "../session";
import { BlamePanel } from "./funnels/blame";
import { Breakdown } from "./funnels/breakdown";
import { FunnelEditor, WINDOWS } from "./funnels/editor";
import { ImpactPanel } from "./funnels/impact";
import { Steps } from "./funnels/steps";
import { Trend } from "./funnels/trend";
import type { Funnel, FunnelDefinition } from "./funnels/types";

/** The funnel that every project has: stands for all of them until they are known, so that nothing moves. */
const STANDARD = { id: "standard", label: "Standard funnel" };

/** How far visitors get, where they are lost, and whether that goes with slowness. */
export default function Funnels() {
  const range = useRange("7d");
  const [id, setId] = useParam("funnel", "standard");
  const [windowMs, setWindowMs] = useParam("window", "");
  const [property, setProperty] = useParam("split", "");
  const [edited, setEdited] = useState<FunnelDefinition | "new">();
  const known = useQuestion<Paged<FunnelDefinition>>(
    "/api/analytics/funnels",
    { page_size: 100 },
    { fresh: true },
  );
  const definition = known.data?.items.find((one) => one.id === id);
  const asked = {
    ...range.filters,
    ...range.params,
    funnel: id,
    window_ms: windowMs,
    interval: range.interval.endsWith("m") ? "1h" : range.interval,
    breakdown: property,
  };
  const funnel = useQuestion<Funnel>("/api/analytics/funnel", {
    ...asked,
    compare: range.isCompared ? "previous" : undefined,
  });
  const steps = definition?.steps ?? funnel.data?.total.steps.map((one) => one.step) ?? [];
  const last = steps.at(-1);
  return (
    <Page
      title="Funnels"
      actions={
        <>
          {may("admin") && (
            <Button icon="plus" onClick={() => setEdited("new")}>
              New funnel
            </Button>
          )}
          <SavedViews page="funnels" />
        </>
      }
      bar={<RangeBar range={range} suggest="funnel" />}
    >
      <Figures funnel={funnel.data} />
      <Panel
        title={definition?.name ?? STANDARD.label}
        note={`within ${funnel.data ? duration(funnel.data.window_ms) : "…"}`}
        actions={
          <>
            {may("admin") && definition && id !== "standard" && (
              <Button onClick={() => setEdited(definition)}>Change</Button>
            )}
            <Select
              label="Funnel"
              value={id}
              options={known.data?.items.map((one) => ({ id: one.id, label: one.name })) ?? [STANDARD]}
              onChange={setId}
            />
            <Select
              label="Window"
              value={windowMs}
              options={[{ id: "", label: "Its own window" }, ...WINDOWS]}
              onChange={setWindowMs}
            />
            <Downloads path="/api/analytics/funnel" params={asked} />
          </>
        }
        flush
      >
        <AnswerOf
          of={funnel}
          height={9 * 36 + 33}
          canShrink
          isEmpty={(data) => data.total.entered === 0}
          empty={
            <EmptyState
              title="Nobody has entered this funnel in this range"
              icon="funnels"
              snippet={`fresnel.step(${JSON.stringify(definition?.steps[0] ?? "effect_discovered")})`}
            >
              A page says so when a visitor takes a step. Otherwise take a longer range or fewer filters.
            </EmptyState>
          }
        >
          {(data) => <Steps total={data.total} before={data.previous?.total} />}
        </AnswerOf>
      </Panel>
      <Breakdown range={range} of={funnel} property={property} onProperty={setProperty} />
      <Trend range={range} interval={asked.interval} funnel={funnel} />
      {last && <ImpactPanel range={range} step={last} />}
      {steps.length > 1 && <BlamePanel range={range} steps={steps} />}
      {edited && (
        <FunnelEditor
          funnel={edited === "new" ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onDone={(made) => {
            setEdited(undefined);
            known.again();
            setId(made ?? "standard");
          }}
        />
      )}
    </Page>
  );
}

/** What one wants to know first. */
function Figures({ funnel }: { funnel: Funnel | undefined }) {
  const total = funnel?.total;
  const before = funnel?.previous?.total;
  const change = (now: number | null | undefined, then: number | null | undefined) =>
    before ? (now && then ? now / then - 1 : null) : undefined;
  const time = total?.steps.reduce((sum, step) => sum + (step.time_from_previous?.p50_ms ?? 0), 0);
  return (
    <Stats label="The funnel in figures">
      <Stat
        label="Entered"
        value={total && count(total.entered)}
        change={change(total?.entered, before?.entered)}
        better="more"
        trend={funnel?.trend.map((point) => point.entered)}
      />
      <Stat
        label="Converted"
        value={total && count(total.converted)}
        change={change(total?.converted, before?.converted)}
        better="more"
        trend={funnel?.trend.map((point) => point.converted)}
      />
      <Stat
        label="Conversion"
        value={total && percent(total.conversion)}
        change={change(total?.conversion, before?.conversion)}
        better="more"
        trend={funnel?.trend.map((point) => point.conversion)}
        foot={
          funnel?.sampled_share !== undefined && (
            <Badge>of {percent(funnel.sampled_share, 0)} of the sessions</Badge>
          )
        }
      />
      <Stat
        label="Time to the end"
        value={total && (time ? duration(time) : "–")}
        foot="sum of the medians"
      />
    </Stats>
  );
}
