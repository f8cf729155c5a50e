/** Does something whose failure is nothing to the page; gives `otherwise` then. */
export function attempt<T>(action: () => T): T | undefined;
export function attempt<T>(action: () => T, otherwise: T): T;
export function attempt<T>(action: () => T, otherwise?: T): T | undefined {
  try {
    return action();
  } catch {
    return otherwise;
  }
}
