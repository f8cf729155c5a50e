import type { ComponentType } from "preact";
import { useLocation, useRoute } from "preact-iso";
import type { Role } from "../api/types";
import { Page } from "../layout/page";
import { Tabs } from "../parts/small";
import { useParam } from "../range/range";
import { may, projectId } from "../session";
import { Channels } from "./alerts/channels";
import { Deliveries } from "./alerts/deliveries";
import { AlertList } from "./alerts/list";
import { OneAlert } from "./alerts/one";
import { Rules } from "./alerts/rules";
import { Silences } from "./alerts/silences";

interface Part {
  id: string;
  label: string;
  needs: Role;
  show: ComponentType;
}

const PARTS: Part[] = [
  { id: "alerts", label: "Alerts", needs: "viewer", show: AlertList },
  { id: "rules", label: "Rules", needs: "viewer", show: Rules },
  { id: "silences", label: "Silences", needs: "viewer", show: Silences },
  { id: "channels", label: "Channels", needs: "admin", show: Channels },
  { id: "deliveries", label: "Deliveries", needs: "admin", show: Deliveries },
];

/** What is wrong, what is watched, and who is told. */
export default function Alerts() {
  const { route } = useLocation();
  const { id } = useRoute().params;
  const [wanted] = useParam("tab", "alerts");
  if (id) {
    return <OneAlert key={id} id={id} />;
  }
  const shown = PARTS.filter((part) => may(part.needs));
  const part = shown.find((one) => one.id === wanted) ?? shown[0];
  const go = (tab: string) => {
    // Pages and filters of one part mean nothing in another.
    const query = new URLSearchParams(tab === "alerts" ? {} : { tab });
    const project = new URLSearchParams(location.search).get("project");
    if (project) {
      query.set("project", project);
    }
    route(`/alerts?${query}`);
  };
  const Show = part?.show;
  return (
    <Page title="Alerts">
      <div>
        <Tabs label="Parts of the alerts" value={part?.id ?? ""} tabs={shown} onChange={go} />
      </div>
      {Show && <Show key={`${part.id} ${projectId.value}`} />}
    </Page>
  );
}
