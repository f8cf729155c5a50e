/** Fields by one line, what is shown once, what asks before it takes away. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../api/envelope";
import { useChange } from "../api/question";
import { Button, Snippet } from "./button";
import { Dialog } from "./dialog";
import { Field, Select } from "./form";
import { Icon } from "./icon";
import { ErrorBox } from "./states";

interface TextFieldProps {
  label: string;
  name: string;
  value: string;
  onInput: (value: string) => void;
  error?: ApiError | undefined;
  hint?: ComponentChildren;
  type?: "text" | "email" | "password" | "number" | "date" | "datetime-local" | "url";
  autocomplete?: string;
  placeholder?: string;
  list?: string;
  isCode?: boolean;
}

export function TextField({
  label,
  name,
  value,
  onInput,
  error,
  hint,
  type = "text",
  ...rest
}: TextFieldProps) {
  return (
    <Field label={label} name={name} error={error} hint={hint}>
      {(own) => (
        <input
          {...own}
          class={rest.isCode ? "input code" : "input"}
          // All of these types take the same attributes here.
          {...({ type, list: rest.list } as { type: "text"; list?: string })}
          autocomplete={rest.autocomplete ?? "off"}
          placeholder={rest.placeholder}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

type LinesFieldProps = Pick<
  TextFieldProps,
  "label" | "name" | "value" | "onInput" | "error" | "hint" | "placeholder"
> & {
  rows?: number;
};

/** A list, one a line. */
export function LinesField({
  label,
  name,
  value,
  onInput,
  error,
  hint,
  placeholder,
  rows = 3,
}: LinesFieldProps) {
  return (
    <Field label={label} name={name} error={error} hint={hint}>
      {(own) => (
        <textarea
          {...own}
          class="input code"
          rows={rows}
          spellcheck={false}
          placeholder={placeholder}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** The lines of a text, without empty ones. */
export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

export function CheckField({
  label,
  isOn,
  onChange,
  hint,
}: {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
  hint?: string;
}) {
  return (
    <div class="field">
      <label class="row small">
        <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.currentTarget.checked)} />
        {label}
      </label>
      {hint && <span class="field-hint">{hint}</span>}
    </div>
  );
}

interface SelectFieldProps<T extends string> {
  label: string;
  value: T;
  options: readonly { id: T; label: string }[];
  onChange: (value: T) => void;
  hint?: string;
  error?: ApiError | undefined;
  name?: string;
}

export function SelectField<T extends string>({
  label,
  value,
  options,
  onChange,
  ...rest
}: SelectFieldProps<T>) {
  const fault = rest.name ? rest.error?.of(rest.name) : undefined;
  return (
    <div class="field">
      <span class="field-label" aria-hidden="true">
        {label}
      </span>
      <Select label={label} value={value} options={options} onChange={onChange} />
      {fault ? (
        <span class="field-fault">{fault}</span>
      ) : (
        rest.hint && <span class="field-hint">{rest.hint}</span>
      )}
    </div>
  );
}

/** Faults of the parts of a list (`allowed_origins.1`) as faults of its field, each with the number of its line. */
export function folded(error: ApiError | undefined, names: readonly string[]): ApiError | undefined {
  if (!error) {
    return undefined;
  }
  const details = error.details.map((detail) => {
    const name = names.find((one) => detail.field.startsWith(`${one}.`));
    if (!name || names.includes(detail.field)) {
      return detail;
    }
    const [place = "", ...more] = detail.field.slice(name.length + 1).split(".");
    const line = /^\d+$/.test(place) ? `Line ${Number(place) + 1}` : place;
    return { ...detail, field: name, message: `${[line, ...more].join(", ")}: ${detail.message}` };
  });
  return new ApiError(error.status, {
    error: error.message,
    code: error.code,
    details,
    meta: { error_id: error.errorId, retry_suggested: error.retrySuggested },
  });
}

/** Something that is shown this once: it is kept as a checksum only. */
export function ShownOnce({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="stack" role="status">
      <div class="row">
        <span class="tone-good">
          <Icon name="check" size={20} />
        </span>
        <strong>{title}</strong>
      </div>
      <p class="small soft">Copy it now: it is kept as a checksum only, and shown this once.</p>
      {children}
    </div>
  );
}

export function OnceSnippet({ title, text }: { title: string; text: string }) {
  return (
    <div class="stack-tight">
      <h3>{title}</h3>
      <Snippet label={title} text={text} />
    </div>
  );
}

interface ConfirmButtonProps {
  /** What stands on the button, and again in the dialog. */
  label: string;
  title: string;
  /** What will happen. */
  children: ComponentChildren;
  /** What must be typed first, for what cannot be undone. */
  typed?: string;
  /** Takes nothing away: it is asked because it does much at once. */
  isHarmless?: boolean;
  run: () => Promise<unknown>;
}

/** Takes something away, after it was asked whether that is meant. */
export function ConfirmButton({ label, title, children, typed, isHarmless, run }: ConfirmButtonProps) {
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState("");
  const change = useChange(run);
  const close = () => {
    setOpen(false);
    setText("");
    change.forget();
  };
  return (
    <>
      <Button look={isHarmless ? undefined : "danger"} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {isOpen && (
        <Dialog title={title} onClose={close}>
          <form
            class="stack"
            onSubmit={async (event) => {
              event.preventDefault();
              if (await change.run()) {
                close();
              }
            }}
          >
            <p>{children}</p>
            {typed && (
              <TextField
                label={`Type ${typed} to confirm`}
                name="typed"
                value={text}
                onInput={setText}
                isCode
              />
            )}
            {change.error && <ErrorBox error={change.error} />}
            <div class="row">
              <Button
                type="submit"
                look={isHarmless ? "primary" : "danger"}
                isBusy={change.isBusy}
                disabled={typed !== undefined && text !== typed}
              >
                {label}
              </Button>
              <Button onClick={close}>Cancel</Button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
