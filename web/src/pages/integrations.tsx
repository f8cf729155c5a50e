import { useRoute } from "preact-iso";
import { Page } from "../layout/page";
import { IntegrationList } from "./integrations/list";
import { OneIntegration } from "./integrations/one";

/** Third-party services that the product depends on. */
export default function Integrations() {
  const { slug } = useRoute().params;
  if (slug) {
    return <OneIntegration slug={slug} />;
  }
  return (
    <Page title="Integrations">
      <IntegrationList />
    </Page>
  );
}
