import type { ComponentChildren } from "preact";
import type { Question } from "../api/question";
import { AnswerAge, EmptyState, ErrorBox, Skeleton } from "./states";

interface PanelProps {
  title: string;
  /** A few words beside the title. */
  note?: ComponentChildren;
  /** Buttons at the right. */
  actions?: ComponentChildren;
  /** Without room around, for tables and lists of rows. */
  flush?: boolean;
  children: ComponentChildren;
}

/** A card with a title. */
export function Panel({ title, note, actions, flush, children }: PanelProps) {
  return (
    <section class="panel" aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        {note && <span class="panel-note">{note}</span>}
        {actions && <div class="row push">{actions}</div>}
      </header>
      <div class={flush ? "panel-body panel-body-flush" : "panel-body"}>{children}</div>
    </section>
  );
}

interface AnswerProps<T> {
  of: Question<T>;
  /** Height of what will be there, so that nothing moves when it comes. */
  height: number | string;
  /** Whether an answer has nothing in it, and what then stands there. */
  isEmpty?: ((data: T) => boolean) | undefined;
  empty?: ComponentChildren;
  /** Takes less room when there is less: for what nothing stands below. */
  canShrink?: boolean;
  children: (data: T) => ComponentChildren;
}

/** What a question has brought: a skeleton, a failure, nothing, or the answer (dimmed while another one is fetched). */
export function AnswerOf<T>({ of, height, isEmpty, empty, canShrink, children }: AnswerProps<T>) {
  const { data, error } = of;
  if (data === undefined) {
    return (
      <div style={{ minHeight: typeof height === "number" ? `${height}px` : height }}>
        {error ? <ErrorBox error={error} again={of.again} /> : <Skeleton height={height} />}
      </div>
    );
  }
  return (
    <div
      class={of.isOld ? "fresh-soon" : undefined}
      aria-busy={of.isOld}
      style={canShrink ? {} : { minHeight: typeof height === "number" ? `${height}px` : height }}
    >
      {error && <ErrorBox error={error} again={of.again} isStale />}
      <AnswerAge meta={of.meta} />
      {isEmpty?.(data) ? (empty ?? <EmptyState title="Nothing in this range" />) : children(data)}
    </div>
  );
}
