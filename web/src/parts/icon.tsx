/** Small marks, drawn on a grid of 16. Beside words they say nothing to screen readers. */
const PATHS = {
  overview: "M2.5 9.5h4v4h-4zM2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM9.5 9.5h4v4h-4z",
  performance: "M1.5 12.5l3.5-4 3 2.5 6-7.5M10.5 3.5H14V7",
  vitals: "M1.5 8.5H5l1.5-5 3 9 1.7-4h3.3",
  funnels: "M2 3h12l-4.5 5.5v4l-3 1.5V8.500z",
  events: "M2.5 4h11M2.5 8h11M2.500 12h6.5",
  errors: "M8 2l6.5 11.500h-13zM8 6.500v3M8 11.400v.2",
  sessions:
    "M8 7.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM3 13.500c.4-2.600 2.400-4 5-4s4.600 1.400 5 4",
  alerts: "M4 11V7a4 4 0 0 1 8 0v4l1.500 1.500h-11zM6.700 14.200h2.600",
  integrations: "M2.5 5.5h5v5h-5zM7.5 8h2M9.5 8a2.5 2.500 0 0 1 5 0a2.500 2.500 0 0 1-5 0",
  sla: "M8 2l5.500 2v4c0 3-2.500 5-5.500 6-3-1-5.500-3-5.500-6V4zM5.500 8l2 2 3-3.500",
  ledger: "M3.500 2h9v12h-9zM6 5.500h4M6 8h4M6 10.500h2.500",
  health:
    "M8 13.500S2 10 2 5.900A3.200 3.200 0 0 1 8 4.500a3.200 3.200 0 0 1 6 1.400C14 10 8 13.500 8 13.500z",
  settings: "M2 4.500h6M12 4.500h2M2 11.500h2M8 11.500h6M10 2.800v3.400M6 9.800v3.400",
  down: "M4 6.500l4 4 4-4",
  up: "M4 9.500l4-4 4 4",
  left: "M9.500 4l-4 4 4 4",
  right: "M6.500 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  check: "M3 8.500l3.500 3.500L13 4.500",
  copy: "M5.500 5.500h8v8h-8zM3.500 10.500h-1v-8h8v1",
  search: "M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM10.500 10.500l3.500 3.500",
  play: "M5 3l8 5-8 5z",
  pause: "M5.500 3v10M10.500 3v10",
  menu: "M2 4h12M2 8h12M2 12h12",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z",
  user: "M8 7.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM3 13.500c.4-2.600 2.400-4 5-4s4.600 1.400 5 4",
  warning: "M8 2l6.500 11.500h-13zM8 6.500v3M8 11.400v.2",
  critical:
    "M5.300 1.800h5.400l3.500 3.500v5.400l-3.500 3.500H5.300l-3.500-3.500V5.300zM8 5v3.500M8 10.800v.2",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.800V8l2.200 1.600",
  table: "M2 3h12v10H2zM2 6.500h12M6.500 6.500V13",
  save: "M3.500 2.500h9v11.500L8 11l-4.500 3z",
  download: "M8 2.500v7.500M4.800 7.200L8 10.400l3.200-3.200M2.500 13.500h11",
  more: "M3.500 8h.01M8 8h.01M12.500 8h.01",
  calendar: "M2.500 3.500h11v10h-11zM2.500 6.500h11M5.500 2v2.500M10.500 2v2.500",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="icon"
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width={name === "more" ? 2 : 1.4}
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
