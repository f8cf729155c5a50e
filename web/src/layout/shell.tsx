import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { followAlerts, openAlerts } from "../api/alert-stream";
import { count } from "../format";
import { PAGES, type PageEntry } from "../pages";
import { Button } from "../parts/button";
import { Icon } from "../parts/icon";
import { Menu } from "../parts/popover";
import { linkTo } from "../range/range";
import { logOut, may, project, projectId, projects, session } from "../session";
import { setTheme, type Theme, theme } from "../theme";
import { Mark } from "./door";
import { Keys } from "./keys";

const GROUPS = ["Watch", "Understand", "Run"] as const;

export function Shell({ children }: { children: ComponentChildren }) {
  const { path, url } = useLocation();
  const [isOpen, setOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  // Going somewhere closes the navigation.
  useEffect(() => setOpen(false), [url]);
  useEffect(() => {
    const onEscape = (event: KeyboardEvent) => event.key === "Escape" && setOpen(false);
    document.addEventListener("keydown", onEscape);
    return () => document.removeEventListener("keydown", onEscape);
  }, []);

  useEffect(() => followAlerts(), []);

  const isHere = (page: PageEntry) =>
    page.path === "/" ? path === "/" : path === page.path || path.startsWith(`${page.path}/`);
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <div class="shell">
        <div class="phone-bar">
          <Button look="quiet" icon="menu" label="Navigation" onClick={() => setOpen(true)} />
          <Mark size={22} />
          <strong>{project.value?.name ?? "Fresnel"}</strong>
        </div>
        {isOpen && (
          <button
            type="button"
            class="side-shade"
            aria-label="Close the navigation"
            onClick={() => setOpen(false)}
          />
        )}
        <aside class="side" data-open={isOpen}>
          <a class="brand" href={linkTo("/", url)}>
            <Mark size={24} />
            Fresnel
          </a>
          <ProjectSwitcher />
          <nav class="nav" aria-label="Pages">
            {GROUPS.map((group) => {
              const pages = PAGES.filter((page) => page.group === group && (!page.needs || may(page.needs)));
              return pages.length === 0 ? null : (
                <div key={group} class="nav">
                  <div class="nav-group">{group}</div>
                  {pages.map((page) => (
                    <a
                      key={page.path}
                      class="nav-link"
                      href={linkTo(page.path, url)}
                      aria-current={isHere(page) ? "page" : undefined}
                    >
                      <Icon name={page.icon} />
                      {page.title}
                      {page.path === "/alerts" && <OpenAlerts />}
                    </a>
                  ))}
                </div>
              );
            })}
          </nav>
          <div class="side-foot">
            <Account onHelp={() => setHelpOpen(true)} />
          </div>
        </aside>
        <main class="main" id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      <Keys isHelpOpen={isHelpOpen} setHelpOpen={setHelpOpen} />
    </>
  );
}

/** How many alerts are open, beside their page. */
function OpenAlerts() {
  const open = openAlerts.value;
  return open ? (
    <span class="nav-count">
      {count(open)}
      <span class="unseen"> open</span>
    </span>
  ) : null;
}

function ProjectSwitcher() {
  const { path, route } = useLocation();
  const all = projects.value;
  const here = all.find((one) => one.id === projectId.value);
  if (all.length <= 1) {
    return null;
  }
  return (
    <Menu
      label={<span class="cut">{here?.name ?? projectId.value}</span>}
      hasArrow
      class="menu-button"
      items={all.map((one) => ({
        label: one.name,
        isChosen: one.id === projectId.value,
        // Filters of one project mean nothing in another.
        onChoose: () => route(`${path}?project=${encodeURIComponent(one.id)}`),
      }))}
    />
  );
}

const THEMES: { id: Theme; label: string }[] = [
  { id: "system", label: "As the system" },
  { id: "light", label: "Light" },
  { id: "dark", label: "Dark" },
];

function Account({ onHelp }: { onHelp: () => void }) {
  return (
    <>
      <Menu
        up
        look="quiet"
        icon={theme.value === "dark" ? "moon" : "sun"}
        class="menu-button"
        label="Appearance"
        items={THEMES.map((one) => ({
          label: one.label,
          isChosen: theme.value === one.id,
          onChoose: () => setTheme(one.id),
        }))}
      />
      <Menu
        up
        look="quiet"
        icon="user"
        class="menu-button"
        label={<span class="cut">{session.value?.user.name ?? "Account"}</span>}
        items={[
          { label: "Keyboard shortcuts", onChoose: onHelp },
          { label: "API reference", href: "/api/docs" },
          { label: "Log out", onChoose: logOut },
        ]}
      />
    </>
  );
}
