"""Puts the results of several sizes side by side, as Markdown:   summary.py FOLDER SIZE…

Reads SIZE.json of `query run`, and SIZE.duckdb.json and SIZE.postgres.json of others.py where they are.
"""

import json
import pathlib
import sys


def read(path):
    return json.loads(path.read_text()) if path.exists() else None


def shown(times, *keys):
    return " / ".join(f"{times[key]:.1f}" for key in keys) if times else "–"


def main():
    folder, sizes = pathlib.Path(sys.argv[1]), sys.argv[2:]
    runs = {size: read(folder / f"{size}.json") for size in sizes}
    lines = {size: {line["name"]: line for line in run["lines"]} for size, run in runs.items() if run}
    sizes = list(lines)
    if not sizes:
        raise SystemExit("no results")
    names = [line["name"] for line in runs[sizes[-1]]["lines"]]

    print("Uncached, p50 / p95 / p99 ms:\n")
    print("| question | reads | " + " | ".join(sizes) + f" | {sizes[-1]} of {sizes[0]}, p50 | target |")
    print("|---|---|" + "---|" * (len(sizes) + 2))
    for name in names:
        found = [lines[size].get(name, {}) for size in sizes]
        cells = [shown(line.get("uncached"), "p50_ms", "p95_ms", "p99_ms") for line in found]
        first, last = found[0].get("uncached"), found[-1].get("uncached")
        ratio = f"{last['p50_ms'] / first['p50_ms']:.1f}" if first and last else "–"
        target = {True: "met", False: "missed", None: "–"}[found[-1].get("target_is_met")]
        print(f"| {name} | {found[-1].get('class')} | " + " | ".join(cells) + f" | {ratio} | {target} |")

    print("\nFrom the cache, p50 / p99 ms:\n")
    print("| question | " + " | ".join(sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for name in names:
        kept = [lines[size].get(name, {}) for size in sizes]
        if any(line.get("cached_hits") for line in kept):
            cells = [f"{line['cached']['p50_ms']:.2f} / {line['cached']['p99_ms']:.2f}" if line.get("cached") else "–" for line in kept]
            print(f"| {name} | " + " | ".join(cells) + " |")

    print("\nThe same question elsewhere, p50 ms:\n")
    print("| question | events | Fresnel | its raw tables | DuckDB | PostgreSQL |")
    print("|---|---|---|---|---|---|")
    for name in names:
        for size in sizes:
            line = lines[size].get(name, {})
            if not line.get("raw_tables"):
                continue
            others = [read(folder / f"{size}.{other}.json") for other in ("duckdb", "postgres")]
            cells = [shown(other and other["questions"].get(name), "p50_ms") for other in others]
            own = [shown(line.get("uncached"), "p50_ms"), shown(line["raw_tables"], "p50_ms")]
            print(f"| {name} | {size} | " + " | ".join(own + cells) + " |")


if __name__ == "__main__":
    main()
