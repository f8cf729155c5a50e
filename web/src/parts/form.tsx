/** Fields that show what the API says about them (`details` of a 400 or 422). */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { ApiError } from "../api/envelope";
import { Icon } from "./icon";
import { ErrorBox } from "./states";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  /** The last failure, and under which name it speaks of this field. */
  error?: ApiError | undefined;
  name?: string;
  children: (own: { id: string; "aria-invalid": boolean; "aria-describedby": string }) => ComponentChildren;
}

/** A label, an input, what is wrong with it: `<Field label="Name" name="name" error={save.error}>{(own) => <input class="input" {...own} />}</Field>`. */
export function Field({ label, hint, error, name, children }: FieldProps) {
  const id = useId();
  const fault = name ? error?.of(name) : undefined;
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {children({ id, "aria-invalid": fault !== undefined, "aria-describedby": `${id}-more` })}
      <div id={`${id}-more`}>
        {fault ? <span class="field-fault">{fault}</span> : hint && <span class="field-hint">{hint}</span>}
      </div>
    </div>
  );
}

interface FormProps {
  /** Names of the fields that show their own faults; all else stands above the form. */
  fields: readonly string[];
  error?: ApiError | undefined;
  onSubmit: () => void;
  children: ComponentChildren;
}

export function Form({ fields, error, onSubmit, children }: FormProps) {
  const isShownBelow =
    error && error.details.length > 0 && error.details.every((detail) => fields.includes(detail.field));
  return (
    <form
      class="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {error && !isShownBelow && <ErrorBox error={error} />}
      {children}
    </form>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly { id: T; label: string }[];
  onChange: (value: T) => void;
}

/** One of a list. Its label is for screen readers: within a `Field` leave it to the field. */
export function Select<T extends string>({ label, value, options, onChange }: SelectProps<T>) {
  return (
    <span class="select">
      <select aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map((option) => (
          <option key={option.id} value={option.id}>
            {option.label}
          </option>
        ))}
      </select>
      <Icon name="down" size={12} />
    </span>
  );
}
