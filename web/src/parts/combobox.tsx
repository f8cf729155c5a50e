import { useId, useState } from "preact/hooks";

interface ComboboxProps {
  label: string;
  placeholder?: string;
  value: string;
  options: readonly { id: string; note?: string }[];
  onInput: (value: string) => void;
  /** Enter or a click: an option, or what was typed. */
  onChoose: (value: string) => void;
}

/** An input with suggestions: arrows go through them, Enter takes one or what was typed. */
export function Combobox({ label, placeholder, value, options, onInput, onChoose }: ComboboxProps) {
  const id = useId();
  const [active, setActive] = useState(-1);
  const fitting = options
    .filter((option) => option.id.toLowerCase().includes(value.toLowerCase()))
    .slice(0, 50);
  const chosen = fitting[active];
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setActive(Math.max(-1, Math.min(active + step, fitting.length - 1)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const wanted = chosen?.id ?? value;
      if (wanted !== "") {
        onChoose(wanted);
      }
    }
  };
  return (
    <div class="stack-tight">
      <input
        class="input"
        role="combobox"
        aria-label={label}
        aria-expanded={fitting.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={chosen ? `${id}-${active}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={value}
        onInput={(event) => {
          setActive(-1);
          onInput(event.currentTarget.value);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={id} role="listbox" class="option-list" aria-label={label}>
        {fitting.map((option, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the input's.
          <div
            key={option.id}
            id={`${id}-${place}`}
            role="option"
            tabIndex={-1}
            class="option"
            aria-selected={place === active}
            onClick={() => onChoose(option.id)}
          >
            <span class="cut">{option.id}</span>
            {option.note && <span class="push faint number">{option.note}</span>}
          </div>
        ))}
      </div>
    </div>
  );
}
