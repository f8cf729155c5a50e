/** Lists without an end: the first page is kept fresh, further ones are fetched when they are wanted. */
import { useEffect, useState } from "preact/hooks";
import { addressOf, ask, type Params } from "./client";
import { type Question, useChange, useQuestion } from "./question";

interface CursorPage<T> {
  items: T[];
  next_cursor: string | null;
}

export interface CursorList<T> {
  question: Question<CursorPage<T>>;
  rows: T[];
  hasMore: boolean;
  isBusy: boolean;
  more: () => void;
}

export function useCursorList<T>(path: string | null, params: Params): CursorList<T> {
  const address = path === null ? "" : addressOf(path, params);
  const [further, setFurther] = useState<{ of: string; pages: CursorPage<T>[] }>({ of: address, pages: [] });
  const pages = further.of === address ? further.pages : [];
  // Once more than one page is shown, the first stands still: new rows would push others between the pages.
  const question = useQuestion<CursorPage<T>>(path, params, pages.length > 0 ? { everyMs: 0 } : {});
  const last = pages.at(-1) ?? question.data;
  const fetchMore = useChange(async () => {
    if (path && last?.next_cursor) {
      const next = await ask<CursorPage<T>>(path, { ...params, cursor: last.next_cursor });
      setFurther({ of: address, pages: [...pages, next.data] });
    }
  });
  // Another question begins with its first page.
  useEffect(() => setFurther({ of: address, pages: [] }), [address]);
  return {
    question,
    rows: [...(question.data?.items ?? []), ...pages.flatMap((page) => page.items)],
    hasMore: last?.next_cursor !== null && last?.next_cursor !== undefined,
    isBusy: fetchMore.isBusy,
    more: () => void fetchMore.run(),
  };
}
