import { signal } from "@preact/signals";

/** Whether panels ask again by themselves; the pause button of the range bar stops them. */
export const isLive = signal(true);
