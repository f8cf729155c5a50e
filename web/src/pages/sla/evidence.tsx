import { useQuestion } from "../../api/question";
import { exactTime } from "../../format";
import { Page } from "../../layout/page";
import { Button } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { browserZone } from "../../range/range";
import { project } from "../../session";
import { Days, KeptBadge, TargetWords } from "./targets";
import type { Evidence } from "./types";

/** The evidence of a month, to be printed, and to be kept as a file whose signature can be checked. */
export function EvidencePage({ month }: { month: string }) {
  const evidence = useQuestion<Evidence>(
    "/api-integrations/evidence",
    { month },
    { everyMs: 0, fresh: true },
  );
  const zone = project.value?.time_zone ?? browserZone;
  const save = () => {
    // What is signed are the bytes of the document: the answer is kept as it came.
    const query = new URLSearchParams({ month, ...(project.value && { project: project.value.id }) });
    const link = document.createElement("a");
    link.href = `/api-integrations/evidence?${query}`;
    link.download = `sla-${month}.json`;
    link.click();
  };
  return (
    <Page
      title={`Evidence of ${month}`}
      actions={
        <>
          <Button icon="download" onClick={save}>
            Signed file
          </Button>
          <Button onClick={() => window.print()}>Print</Button>
        </>
      }
    >
      <AnswerOf of={evidence} height={300} canShrink>
        {({ document, signature }) => (
          <>
            {document.services.map((service) => (
              <Panel
                key={service.integration}
                title={service.name}
                note={`${service.seen} calls and checks, ${service.failed} failed`}
                actions={<KeptBadge isKept={service.is_kept} />}
              >
                <div class="sla-targets">
                  {service.targets.map((target) => (
                    <TargetWords key={target.target} target={target} />
                  ))}
                </div>
                <Days service={service} />
              </Panel>
            ))}
            <Panel title="Signature">
              <p>
                Project {document.project}, {document.month}
                {document.is_complete ? "" : " (not over yet)"}, made{" "}
                {exactTime(document.generated_at_ms, zone)}. {document.maintenance.length} windows of
                maintenance do not count.
              </p>
              <p class="small">
                {signature.algorithm}, key <code>{signature.public_key}</code>
                <br />
                <code class="breaks">{signature.value}</code>
              </p>
              <p class="small soft">
                The signed file is checked with{" "}
                <code>
                  fresnel verify-evidence sla-{document.month}.json --key {signature.public_key}
                </code>
              </p>
            </Panel>
          </>
        )}
      </AnswerOf>
    </Page>
  );
}
