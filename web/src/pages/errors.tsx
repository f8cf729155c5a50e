import { useRoute } from "preact-iso";
import { Page } from "../layout/page";
import { useRange } from "../range/range";
import { RangeBar } from "../range/rangebar";
import { SavedViews } from "../range/views";
import { ErrorList } from "./errors/list";
import { OneError } from "./errors/one";

/** What goes wrong for visitors, and what has been decided about it. */
export default function Errors() {
  const range = useRange("7d");
  const { id } = useRoute().params;
  if (id) {
    return <OneError range={range} fingerprint={id} />;
  }
  return (
    <Page
      title="Errors"
      actions={<SavedViews page="errors" />}
      bar={<RangeBar range={range} suggest="event" canCompare={false} />}
    >
      <ErrorList range={range} />
    </Page>
  );
}
