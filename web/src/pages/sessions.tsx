import { useRoute } from "preact-iso";
import { Page } from "../layout/page";
import { useRange } from "../range/range";
import { RangeBar } from "../range/rangebar";
import { SavedViews } from "../range/views";
import { SessionList } from "./sessions/list";
import { OneSession } from "./sessions/one";

/** Who was there, and what happened to them. */
export default function Sessions() {
  const range = useRange("24h");
  const { id } = useRoute().params;
  if (id) {
    return <OneSession key={id} range={range} id={decodeURIComponent(id)} />;
  }
  return (
    <Page
      title="Sessions"
      actions={<SavedViews page="sessions" />}
      bar={<RangeBar range={range} suggest="event" canCompare={false} />}
    >
      <SessionList range={range} />
    </Page>
  );
}
