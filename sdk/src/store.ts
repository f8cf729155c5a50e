import { attempt } from "./attempt.js";

/** A place for texts that outlive the page, as far as the browser lets us have one. */
export interface Store {
  get(name: string): string | null;
  /** False when it was not kept. */
  set(name: string, value: string): boolean;
  remove(name: string): void;
  /** The names that begin so. */
  names(prefix: string): string[];
}

/** localStorage, or nothing where it is blocked, full or not wanted: then nothing is kept, and nothing fails. */
export function openStore(isWanted: boolean): Store {
  // Each access may throw, already that to the property.
  const place: { localStorage?: Storage } = isWanted ? globalThis : {};
  const storage = () => place.localStorage as Storage;
  return {
    get: (name) => attempt(() => storage().getItem(name), null),
    set: (name, value) => attempt(() => storage().setItem(name, value) === undefined, false),
    remove: (name) => attempt(() => storage().removeItem(name)),
    names: (prefix) => attempt(() => Object.keys(storage()).filter((name) => name.startsWith(prefix)), []),
  };
}
