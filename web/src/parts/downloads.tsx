import { addressOf, type Params } from "../api/client";
import { Menu } from "./popover";

interface DownloadsProps {
  /** The question whose list is wanted. */
  path: string;
  params: Params;
  label?: string;
  /** Lists with a cursor are written row by row, without JSON around them. */
  isLong?: boolean;
}

/** The list of an answer as a file. */
export function Downloads({ path, params, label = "Download", isLong }: DownloadsProps) {
  const formats = isLong ? ["csv", "ndjson"] : ["csv", "json", "ndjson"];
  const items = formats.map((format) => ({
    label: format.toUpperCase(),
    icon: "download" as const,
    href: addressOf(path, { ...params, format }),
    download: true,
  }));
  return <Menu name={label} label="" icon="download" side="end" items={items} />;
}
