import type { Kind } from "./types.js";

/** Most bytes of a batch's body. */
export const BATCH_BYTES_MAX = 16_384;
/** Most items of a batch. */
const ITEMS_MAX = 500;
/** Room for what stands around the items: the time and what was lost. */
const ENVELOPE_BYTES = 200;
/** Most that the service believes of a kind at a time. */
const LOST_MAX = 1_000_000;

/** How many beacons of each kind were thrown away. */
export type Lost = { [K in Kind]?: number };

/** A beacon as text, with its length in bytes. */
export type Item = [kind: Kind, json: string, bytes: number];

/** Items that travel together, always the same ones: a second try must be recognised as one. */
export interface Batch {
  /** Name in the browser's storage. */
  key: string;
  /** When it was made, in milliseconds. */
  at: number;
  items: Item[];
  lost: Lost;
}

/** Bytes of a text in UTF-8. */
export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** Adds losses to others. */
export function addLost(to: Lost, more: Lost): Lost {
  for (const kind in more) {
    to[kind as Kind] = Math.min(LOST_MAX, (to[kind as Kind] || 0) + (more[kind as Kind] || 0));
  }
  return to;
}

/** Items as losses. */
export function lostOf(items: Item[]): Lost {
  const lost: Lost = {};
  for (const [kind] of items) {
    addLost(lost, { [kind]: 1 });
  }
  return lost;
}

/** Whether an item fits into any batch. */
export const fits = (item: Item): boolean => item[2] <= BATCH_BYTES_MAX - ENVELOPE_BYTES;

/** Cuts items, in their order, into as many as fit into a batch each. */
export function cut(items: Item[]): Item[][] {
  const batches: Item[][] = [];
  let bytes = 0;
  for (const item of items) {
    const last = batches[batches.length - 1];
    bytes += item[2] + 1;
    if (last && bytes <= BATCH_BYTES_MAX - ENVELOPE_BYTES && last.length < ITEMS_MAX) {
      last.push(item);
    } else {
      batches.push([item]);
      bytes = item[2] + 1;
    }
  }
  return batches;
}

/** The body of a batch that is sent now. */
export const bodyOf = (batch: Batch, nowMs: number): string =>
  `{"sent_at":"${new Date(nowMs).toISOString()}","client_lost":${JSON.stringify(batch.lost)},"items":[${batch.items
    .map((item) => item[1])
    .join()}]}`;
