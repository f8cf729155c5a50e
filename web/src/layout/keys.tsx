import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { PAGES } from "../pages";
import { Dialog } from "../parts/dialog";
import { isLive } from "../range/live";
import { linkTo } from "../range/range";

interface KeysProps {
  isHelpOpen: boolean;
  setHelpOpen: (isOpen: boolean) => void;
}

const SEQUENCE_MS = 1_200;

/** The keys of the dashboard: `g` and a letter goes to a page, `/` to the filters, `?` lists them. */
export function Keys({ isHelpOpen, setHelpOpen }: KeysProps) {
  const { route } = useLocation();
  const pressedG = useRef(0);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      const isTyping = at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
      if (
        isTyping ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        document.querySelector("dialog[open]")
      ) {
        return;
      }
      if (Date.now() - pressedG.current < SEQUENCE_MS) {
        pressedG.current = 0;
        const page = PAGES.find((one) => one.key === event.key);
        if (page) {
          event.preventDefault();
          route(linkTo(page.path, location.href));
        }
        return;
      }
      if (event.key === "g") {
        pressedG.current = Date.now();
      } else if (event.key === "?") {
        setHelpOpen(true);
      } else if (event.key === "/") {
        const filter = document.querySelector<HTMLElement>("[data-filter]");
        if (filter) {
          event.preventDefault();
          filter.focus();
          filter.click();
        }
      } else if (event.key === "l") {
        isLive.value = !isLive.value;
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [route, setHelpOpen]);

  if (!isHelpOpen) {
    return null;
  }
  return (
    <Dialog title="Keyboard shortcuts" onClose={() => setHelpOpen(false)}>
      <table class="table">
        <tbody>
          {PAGES.map((page) => (
            <tr key={page.path}>
              <td>{page.title}</td>
              <td class="end">
                <kbd>g</kbd> <kbd>{page.key}</kbd>
              </td>
            </tr>
          ))}
          {[
            ["Filter", "/"],
            ["Pause and go on", "l"],
            ["This list", "?"],
            ["Close what is open", "Esc"],
          ].map(([what, key]) => (
            <tr key={key}>
              <td>{what}</td>
              <td class="end">
                <kbd>{key}</kbd>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
