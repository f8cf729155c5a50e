/** Who is logged in, in which project the page is, and what may be done there. */
import { computed, signal } from "@preact/signals";
import { ask, send } from "./api/client";
import { ApiError, type Paged } from "./api/envelope";
import type { Project, Role, Session } from "./api/types";

/** Undefined until it is known; null for nobody. */
export const session = signal<Session | null | undefined>(undefined);
export const projects = signal<Project[]>([]);
/** Why it is not known who is logged in. */
export const startFault = signal<ApiError | undefined>(undefined);
/** The project of the page, from `?project=`. */
export const projectId = signal("");

export const project = computed(() => projects.value.find((one) => one.id === projectId.value));

export const role = computed<Role | undefined>(() => {
  if (session.value?.user.is_instance_owner) {
    return "owner";
  }
  return session.value?.memberships.find((one) => one.project_id === projectId.value)?.role;
});

const RANK: Record<Role, number> = { viewer: 1, admin: 2, owner: 3 };

/** Whether the one who looks may do what needs this role: buttons for more are not shown. */
export function may(needed: Role): boolean {
  return role.value !== undefined && RANK[role.value] >= RANK[needed];
}

/** The session is over: whatever page it is, the login stands in its place and leads back to it. */
export function signedOut(): void {
  if (session.value !== undefined) {
    session.value = null;
  }
}

/** Asks who is logged in. */
export async function findSession(): Promise<void> {
  try {
    const found = (await ask<Session>("/api/session", {}, { everywhere: true })).data;
    await findProjects();
    startFault.value = undefined;
    session.value = found;
  } catch (fault) {
    if (fault instanceof ApiError && fault.status === 401) {
      startFault.value = undefined;
      session.value = null;
    } else {
      startFault.value = fault instanceof ApiError ? fault : new ApiError(0, { error: String(fault) });
    }
  }
}

/** Reads the projects, again after one was made or changed. */
export async function findProjects(): Promise<void> {
  const found = await ask<Paged<Project>>("/api/projects", { page_size: 500 }, { everywhere: true });
  projects.value = found.data.items;
  chooseProject(new URLSearchParams(location.search).get("project"));
}

/** Goes to the project of an address, or to the first one when there is none. */
export function chooseProject(wanted: string | null): void {
  const all = projects.value;
  projectId.value = wanted ?? (all.find((one) => one.id === "default") ?? all[0])?.id ?? "default";
}

export async function logIn(email: string, password: string): Promise<void> {
  await send("POST", "/api/session", { email, password }, { everywhere: true });
  await findSession();
}

export async function logOut(): Promise<void> {
  try {
    await send("DELETE", "/api/session", undefined, { everywhere: true });
  } finally {
    session.value = null;
    projects.value = [];
  }
}
