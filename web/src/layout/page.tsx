import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

interface PageProps {
  title: string;
  /** Buttons beside the title. */
  actions?: ComponentChildren;
  /** The range bar, which stays in sight. */
  bar?: ComponentChildren;
  children: ComponentChildren;
}

/** The frame of each page: its title (also the tab's), its bar, its panels below each other. */
export function Page({ title, actions, bar, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Fresnel`;
  }, [title]);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        {actions && <div class="row push">{actions}</div>}
      </header>
      {bar}
      {children}
    </div>
  );
}
