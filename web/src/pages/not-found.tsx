import { Page } from "../layout/page";
import { EmptyState } from "../parts/states";

export function NotFound() {
  return (
    <Page title="Nothing here">
      <EmptyState title="There is no such page">
        The address may be from another version. The navigation has all pages.
      </EmptyState>
    </Page>
  );
}
