/**
 * The pages, one line each: a page that is listed is in the navigation, has its key and is a chunk of its own.
 * `key` is the second key of `g …`. `also` are further addresses of the page, such as "/sessions/:id" (`useRoute().params`).
 */
import type { ComponentType } from "preact";
import type { Role } from "./api/types";
import type { IconName } from "./parts/icon";

export interface PageEntry {
  path: string;
  title: string;
  icon: IconName;
  key: string;
  group: "Watch" | "Understand" | "Run";
  load: () => Promise<{ default: ComponentType }>;
  also?: string[];
  /** Not shown to those whose role in the project is lower. */
  needs?: Role;
}

export const PAGES: PageEntry[] = [
  {
    path: "/",
    title: "Overview",
    icon: "overview",
    key: "o",
    group: "Watch",
    load: () => import("./pages/overview"),
  },
  {
    path: "/performance",
    title: "Performance",
    icon: "performance",
    key: "p",
    group: "Watch",
    load: () => import("./pages/performance"),
  },
  {
    path: "/vitals",
    title: "Web vitals",
    icon: "vitals",
    key: "v",
    group: "Watch",
    load: () => import("./pages/vitals"),
  },
  {
    path: "/alerts",
    title: "Alerts",
    icon: "alerts",
    key: "a",
    group: "Watch",
    load: () => import("./pages/alerts"),
    also: ["/alerts/:id"],
  },
  {
    path: "/funnels",
    title: "Funnels",
    icon: "funnels",
    key: "f",
    group: "Understand",
    load: () => import("./pages/funnels"),
  },
  {
    path: "/events",
    title: "Events",
    icon: "events",
    key: "e",
    group: "Understand",
    load: () => import("./pages/events"),
  },
  {
    path: "/errors",
    title: "Errors",
    icon: "errors",
    key: "r",
    group: "Understand",
    load: () => import("./pages/errors"),
    also: ["/errors/:id"],
  },
  {
    path: "/sessions",
    title: "Sessions",
    icon: "sessions",
    key: "i",
    group: "Understand",
    load: () => import("./pages/sessions"),
    also: ["/sessions/:id"],
  },
  {
    path: "/integrations",
    title: "Integrations",
    icon: "integrations",
    key: "t",
    group: "Watch",
    load: () => import("./pages/integrations"),
    also: ["/integrations/:slug"],
  },
  {
    path: "/sla",
    title: "SLA",
    icon: "sla",
    key: "y",
    group: "Understand",
    load: () => import("./pages/sla"),
    also: ["/sla/:month"],
  },
  {
    path: "/ledger",
    title: "Ledger",
    icon: "ledger",
    key: "l",
    group: "Run",
    load: () => import("./pages/ledger"),
  },
  {
    path: "/health",
    title: "System health",
    icon: "health",
    key: "h",
    group: "Run",
    load: () => import("./pages/health"),
  },
  {
    path: "/settings",
    title: "Settings",
    icon: "settings",
    key: "s",
    group: "Run",
    load: () => import("./pages/settings"),
  },
];
