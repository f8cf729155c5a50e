import type { ComponentChildren, MouseEventHandler } from "preact";
import { useState } from "preact/hooks";
import { Icon, type IconName } from "./icon";

interface ButtonProps {
  children?: ComponentChildren;
  /** `primary`: the one thing to do. `danger`: takes something away. `quiet`: without a frame. */
  look?: "primary" | "danger" | "quiet" | undefined;
  icon?: IconName | undefined;
  /** What it does, for a button that only has an icon. */
  label?: string | undefined;
  type?: "button" | "submit";
  disabled?: boolean | undefined;
  isBusy?: boolean | undefined;
  pressed?: boolean | undefined;
  onClick?: MouseEventHandler<HTMLButtonElement>;
  class?: string;
}

export function Button({
  children,
  look,
  icon,
  label,
  type = "button",
  isBusy,
  pressed,
  ...rest
}: ButtonProps) {
  const only = children === undefined;
  const classes = ["button", look && `button-${look}`, only && "button-icon", rest.class];
  return (
    <button
      // It is "button" unless the caller says "submit".
      type={type}
      class={classes.filter(Boolean).join(" ")}
      aria-label={label}
      title={only ? label : undefined}
      aria-pressed={pressed}
      aria-busy={isBusy}
      disabled={rest.disabled || isBusy}
      onClick={rest.onClick}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T | null;
  options: readonly { id: T; label: string }[];
  onChange: (value: T) => void;
}

/** A few choices beside each other, one of which holds. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  return (
    <fieldset class="segments" style={{ border: 0, margin: 0, minWidth: 0 }} aria-label={label}>
      {options.map((option) => (
        <button
          key={option.id}
          type="button"
          class="segment"
          aria-pressed={option.id === value}
          onClick={() => onChange(option.id)}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}

/** Copies a text and says so. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Pages over plain http have no clipboard: the old way.
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    setDone(true);
    setTimeout(() => setDone(false), 1_500);
  };
  return (
    <Button icon={isDone ? "check" : "copy"} onClick={copy}>
      {isDone ? "Copied" : label}
    </Button>
  );
}

/** Something to paste elsewhere. */
export function Snippet({ text, label }: { text: string; label: string }) {
  return (
    <div class="snippet">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, also by keys. */}
      <section class="snippet-text" tabIndex={0} aria-label={label}>
        <pre>{text}</pre>
      </section>
      <CopyButton text={text} />
    </div>
  );
}
