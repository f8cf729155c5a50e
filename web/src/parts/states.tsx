/** Nothing yet, nothing there, nothing works, and how things stand. */
import type { ComponentChildren } from "preact";
import type { ApiError, Meta } from "../api/envelope";
import type { State } from "../api/types";
import { duration } from "../format";
import { Button, CopyButton, Snippet } from "./button";
import { Icon, type IconName } from "./icon";

/** Holds the place of what comes. */
export function Skeleton({
  height = 16,
  width = "100%",
}: {
  height?: number | string;
  width?: number | string;
}) {
  return <span class="skeleton" aria-hidden="true" style={{ height, width }} />;
}

interface EmptyStateProps {
  title: string;
  icon?: IconName;
  /** What to do next. */
  children?: ComponentChildren;
  snippet?: string;
  action?: ComponentChildren;
}

export function EmptyState({ title, icon = "search", children, snippet, action }: EmptyStateProps) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={24} />
      </span>
      <h3>{title}</h3>
      {children && <p class="small">{children}</p>}
      {snippet && <Snippet text={snippet} label="To paste" />}
      {action}
    </div>
  );
}

interface ErrorBoxProps {
  error: ApiError;
  again?: (() => void) | undefined;
  /** The answer before is still shown. */
  isStale?: boolean;
}

/** What failed, with the code and the id under which the log has the cause. */
export function ErrorBox({ error, again, isStale }: ErrorBoxProps) {
  return (
    <div class="fault" role="alert">
      <span class="tone-critical">
        <Icon name="critical" />
      </span>
      <div>
        <strong>{isStale ? "This could not be brought up to date" : error.message}</strong>
        <div class="soft">
          {isStale && <>{error.message} · </>}
          <span class="code">{error.code}</span>
          {error.errorId && (
            <>
              {" · "}
              <span class="code">{error.errorId}</span>
            </>
          )}
          {error.details.map((detail) => (
            <div key={detail.field}>
              <span class="code">{detail.field}</span> {detail.message}
            </div>
          ))}
        </div>
      </div>
      <div class="row push">
        {error.errorId && <CopyButton text={error.errorId} label="Copy id" />}
        {again && <Button onClick={again}>Try again</Button>}
      </div>
    </div>
  );
}

type Tone = "good" | "warning" | "critical" | "accent";

/** A word about something. Give a state an icon too: colour alone says nothing to many. */
export function Badge({
  tone,
  icon,
  children,
}: {
  tone?: Tone | undefined;
  icon?: IconName | undefined;
  children: ComponentChildren;
}) {
  return (
    <span class={tone ? `badge tone-${tone}` : "badge"}>
      {icon && <Icon name={icon} size={12} />}
      {children}
    </span>
  );
}

const STATES: Record<State, { tone?: Tone; icon?: IconName; word: string }> = {
  ok: { tone: "good", icon: "check", word: "OK" },
  warning: { tone: "warning", icon: "warning", word: "Warning" },
  critical: { tone: "critical", icon: "critical", word: "Critical" },
  none: { word: "No data" },
};

/** How a value stands to its thresholds. */
export function StateBadge({ state }: { state: State }) {
  const { tone, icon, word } = STATES[state];
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}

/** Says that the warehouse is late and this is its last good answer, and how old that is. */
export function DegradedBadge({ meta }: { meta: Meta | undefined }) {
  if (!meta?.degraded) {
    return null;
  }
  return (
    <Badge tone="warning" icon="clock">
      {meta.age_ms === undefined ? "Last good answer" : `Last good answer, ${duration(meta.age_ms)} old`}
    </Badge>
  );
}

export function AnswerAge({ meta }: { meta: Meta | undefined }) {
  return meta?.degraded ? (
    <div class="row" role="status">
      <DegradedBadge meta={meta} />
    </div>
  ) : null;
}
