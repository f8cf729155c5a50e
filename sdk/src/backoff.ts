const FIRST_MS = 1_000;
const MAX_MS = 60_000;

/**
 * Milliseconds until the next try, after `failures` in a row (from 1 on). Half of it is chance, so that pages that failed
 * together do not come again together. `retryAfter` is what the service asks for, in seconds: never sooner.
 */
export function delayMs(failures: number, retryAfter: string | null, random: number): number {
  const own = Math.min(MAX_MS, FIRST_MS * 2 ** (failures - 1)) / 2;
  return (Number(retryAfter) * 1_000 || own) + random * own;
}
