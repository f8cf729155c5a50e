import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon";

interface PopoverProps {
  /** What stands on the button. */
  label: ComponentChildren;
  /** For a button that only has an icon. */
  name?: string;
  icon?: IconName;
  side?: "start" | "end";
  up?: boolean;
  look?: "quiet" | undefined;
  class?: string;
  hasArrow?: boolean;
  /** Marks the button that `/` goes to. */
  isFilter?: boolean;
  children: (close: () => void) => ComponentChildren;
}

/** A button that opens something small below itself: a menu, a form. Escape, a click elsewhere or leaving by Tab closes it. */
export function Popover(props: PopoverProps) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };

  useEffect(() => {
    if (!isOpen) {
      return;
    }
    root.current?.querySelector<HTMLElement>(".popover :is(input, select, button, a)")?.focus();
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    const key = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        setOpen(false);
        button.current?.focus();
      }
      const options = [...(root.current?.querySelectorAll<HTMLElement>(".popover .option") ?? [])];
      const place = options.indexOf(document.activeElement as HTMLElement);
      if (place >= 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : options.length - 1;
        options[(place + step) % options.length]?.focus();
      }
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    root.current?.addEventListener("keydown", key);
    const element = root.current;
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      element?.removeEventListener("keydown", key);
    };
  }, [isOpen]);

  const only = props.name !== undefined;
  return (
    <div class="anchor" ref={root}>
      <button
        type="button"
        ref={button}
        class={["button", props.look && `button-${props.look}`, only && "button-icon", props.class]
          .filter(Boolean)
          .join(" ")}
        aria-haspopup="true"
        aria-expanded={isOpen}
        aria-label={props.name}
        title={props.name}
        data-filter={props.isFilter ? "" : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        {props.icon && <Icon name={props.icon} />}
        {props.label}
        {props.hasArrow && <Icon name="down" size={12} />}
      </button>
      {isOpen && (
        <div class="popover" data-side={props.side} data-up={props.up}>
          {props.children(close)}
        </div>
      )}
    </div>
  );
}

interface MenuItem {
  label: ComponentChildren;
  icon?: IconName;
  isChosen?: boolean;
  /** Either goes somewhere, */
  href?: string;
  download?: boolean;
  /** or does something. */
  onChoose?: () => void;
}

type MenuProps = Omit<PopoverProps, "children"> & { items: MenuItem[] };

/** A popover with things to choose. */
export function Menu({ items, ...rest }: MenuProps) {
  return (
    <Popover {...rest}>
      {(close) => (
        <div class="option-list">
          {items.map((item, place) =>
            item.href ? (
              <a
                // A menu's items do not move while it is open.
                key={place}
                class="option"
                href={item.href}
                download={item.download}
                onClick={() => setTimeout(close)}
              >
                {item.icon && <Icon name={item.icon} />}
                {item.label}
              </a>
            ) : (
              <button
                // As above.
                key={place}
                type="button"
                class="option"
                aria-pressed={item.isChosen}
                onClick={() => {
                  close();
                  item.onChoose?.();
                }}
              >
                {item.icon && <Icon name={item.icon} />}
                {item.label}
                {item.isChosen && (
                  <span class="push">
                    <Icon name="check" size={14} />
                  </span>
                )}
              </button>
            ),
          )}
        </div>
      )}
    </Popover>
  );
}
