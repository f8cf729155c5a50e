import type { ComponentType } from "preact";
import { useLocation } from "preact-iso";
import type { Role } from "../api/types";
import { Page } from "../layout/page";
import { Tabs } from "../parts/small";
import { useParam } from "../range/range";
import { may, projectId, session } from "../session";
import { Account } from "./settings/account";
import { Audit } from "./settings/audit";
import { Deploys } from "./settings/deploys";
import { Issuers } from "./settings/issuers";
import { Keys } from "./settings/keys";
import { People } from "./settings/people";
import { Project } from "./settings/project";
import { Quotas } from "./settings/quotas";
import { Users } from "./settings/users";
import { Views } from "./settings/views";

interface Part {
  id: string;
  label: string;
  needs: Role | "instance owner";
  show: ComponentType;
}

const PARTS: Part[] = [
  { id: "project", label: "Project", needs: "admin", show: Project },
  { id: "keys", label: "Keys", needs: "admin", show: Keys },
  { id: "quotas", label: "Quotas", needs: "viewer", show: Quotas },
  { id: "people", label: "People", needs: "admin", show: People },
  { id: "users", label: "Users", needs: "instance owner", show: Users },
  { id: "issuers", label: "Issuers", needs: "admin", show: Issuers },
  { id: "audit", label: "Audit log", needs: "admin", show: Audit },
  { id: "deploys", label: "Deploys", needs: "viewer", show: Deploys },
  { id: "views", label: "Saved views", needs: "viewer", show: Views },
  { id: "account", label: "Your account", needs: "viewer", show: Account },
];

/** What can be set, as far as one's role goes. */
export default function Settings() {
  const { route } = useLocation();
  const [wanted] = useParam("tab");
  const shown = PARTS.filter((part) =>
    part.needs === "instance owner"
      ? session.value?.user.is_instance_owner
      : may(part.needs) || part.id === "account",
  );
  const part = shown.find((one) => one.id === wanted) ?? shown[0];
  const go = (id: string) => {
    // Pages and filters of one part mean nothing in another.
    const query = new URLSearchParams({ tab: id });
    const project = new URLSearchParams(location.search).get("project");
    if (project) {
      query.set("project", project);
    }
    route(`/settings?${query}`);
  };
  const Show = part?.show;
  return (
    <Page title="Settings">
      <div>
        <Tabs label="Parts of the settings" value={part?.id ?? ""} tabs={shown} onChange={go} />
      </div>
      {Show && <Show key={`${part.id} ${projectId.value}`} />}
    </Page>
  );
}
