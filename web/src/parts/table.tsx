import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Paged } from "../api/envelope";
import { exact } from "../format";
import { Button } from "./button";
import { Icon } from "./icon";

export interface Column<T> {
  id: string;
  title: string;
  render: (row: T) => ComponentChildren;
  /** Makes it sortable here, in the browser. Null goes last. */
  sortBy?: (row: T) => number | string | null;
  /** Makes it sortable by the server: `sort` and `onSort` of the table tell and take this column's `id`. */
  isSortable?: boolean;
  /** Numbers stand at the end of their cell. */
  isNumber?: boolean;
  /** Not on a phone. */
  isMinor?: boolean;
}

interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowId: (row: T) => string;
  /** Rows can be chosen, by a click or Enter; arrows go from row to row. */
  onRow?: ((row: T) => void) | undefined;
  isChosen?: (row: T) => boolean;
  /** The column by which the server has sorted. */
  sort?: string;
  onSort?: (column: string) => void;
}

export function Table<T>({ label, columns, rows, rowId, onRow, isChosen, sort, onSort }: TableProps<T>) {
  const [own, setOwn] = useState<{ id: string; isDown: boolean }>();
  const by = columns.find((column) => column.id === own?.id)?.sortBy;
  const shown = by ? [...rows].sort((a, b) => compare(by(a), by(b), own?.isDown ?? false)) : rows;

  const press = (column: Column<T>) => {
    if (column.isSortable) {
      onSort?.(column.id);
    } else {
      setOwn({ id: column.id, isDown: own?.id === column.id ? !own.isDown : (column.isNumber ?? false) });
    }
  };
  const sorting = (column: Column<T>) => {
    const isDown =
      own?.id === column.id ? own.isDown : sort === column.id ? (column.isNumber ?? false) : undefined;
    return isDown === undefined ? undefined : isDown ? "descending" : "ascending";
  };
  const onKeyDown = (event: KeyboardEvent, row: T) => {
    const element = event.currentTarget as HTMLElement;
    if (event.key === "Enter" && event.target === element) {
      onRow?.(row);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? element.nextElementSibling : element.previousElementSibling;
      (next as HTMLElement | null)?.focus();
    }
  };

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways on narrow screens, also by keys.
    <section class="table-frame" aria-label={label} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" class={classOf(column)} aria-sort={sorting(column)}>
                {column.sortBy || (column.isSortable && onSort) ? (
                  <button type="button" class="sort" onClick={() => press(column)}>
                    {column.title}
                    {sorting(column) && (
                      <Icon name={sorting(column) === "descending" ? "down" : "up"} size={11} />
                    )}
                  </button>
                ) : (
                  column.title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr
              key={rowId(row)}
              tabIndex={onRow ? 0 : undefined}
              aria-selected={isChosen ? isChosen(row) : undefined}
              onClick={onRow ? () => onRow(row) : undefined}
              onKeyDown={onRow ? (event) => onKeyDown(event, row) : undefined}
            >
              {columns.map((column) => (
                <td key={column.id} class={classOf(column)}>
                  {column.isNumber ? column.render(row) : <div class="table-wide">{column.render(row)}</div>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function classOf<T>(column: Column<T>): string | undefined {
  return [column.isNumber && "end", column.isMinor && "wide-only"].filter(Boolean).join(" ") || undefined;
}

function compare(a: number | string | null, b: number | string | null, isDown: boolean): number {
  if (a === null || b === null) {
    return a === b ? 0 : a === null ? 1 : -1;
  }
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return isDown ? -order : order;
}

/** Steps through a list in pages; nothing while it has only one. */
export function Pager({
  list,
  onPage,
}: {
  list: Omit<Paged<unknown>, "items">;
  onPage: (page: number) => void;
}) {
  if (list.total_pages <= 1) {
    return null;
  }
  const first = (list.page - 1) * list.page_size + 1;
  return (
    <nav class="pager" aria-label="Pages">
      <span class="number">
        {exact(first)}–{exact(Math.min(list.page * list.page_size, list.total))} of {exact(list.total)}
      </span>
      <Button
        icon="left"
        label="Page before"
        disabled={!list.has_prev}
        onClick={() => onPage(list.page - 1)}
      />
      <Button
        icon="right"
        label="Next page"
        disabled={!list.has_next}
        onClick={() => onPage(list.page + 1)}
      />
    </nav>
  );
}
