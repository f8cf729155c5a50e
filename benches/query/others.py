"""Puts the questions of sql/ to DuckDB or PostgreSQL, on the rows that `query export` has written.

    others.py duckdb FOLDER [--out FILE]
    others.py postgres FOLDER [--out FILE]

Each database gets the rows in tables of its own (DuckDB: in a file beside FOLDER; PostgreSQL: in a server of its own, with
the indexes that these questions want), and each question some rounds. PostgreSQL is Debian's, as the tests install it.
"""

import argparse
import glob
import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
SECONDS_MAX = 60
ROUNDS_MAX = 20
TABLES = ["performance_metrics", "funnel_steps", "user_events"]


def questions(database, until_s):
    """Name and statement of each question that is written for this database."""
    for path in sorted((HERE / "sql").glob(f"*.{database}.sql")):
        name = path.name.split(".")[0]
        yield name, filled(path.read_text(), until_s)


def filled(sql, until_s):
    """As questions.rs does: {to}, {7d}, in seconds since 1970."""

    def value(match):
        word = match.group(1)
        if word == "to":
            return str(until_s)
        factor = {"m": 60, "h": 3600, "d": 86400}[word[-1]]
        return str(until_s - int(word[:-1]) * factor)

    return re.sub(r"\{(to|\d+[mhd])\}", value, sql)


def percentiles(times_ms):
    times_ms = sorted(times_ms)
    at = lambda share: times_ms[max(0, -(-int(share * 100) * len(times_ms) // 100) - 1)]
    return {"rounds": len(times_ms), "p50_ms": at(0.5), "p95_ms": at(0.95), "max_ms": times_ms[-1]}


def rounds(ask):
    """Times in milliseconds; the first round, which reads what is not in memory yet, is not counted."""
    ask()
    times_ms = []
    started = time.monotonic()
    while len(times_ms) < ROUNDS_MAX and (not times_ms or time.monotonic() - started < SECONDS_MAX):
        asked = time.monotonic()
        ask()
        times_ms.append((time.monotonic() - asked) * 1e3)
    return percentiles(times_ms)


def duckdb_figures(folder, until_s):
    import duckdb

    file = folder.with_suffix(".duckdb")
    connection = duckdb.connect(str(file))
    connection.execute("SET TimeZone = 'UTC'")
    known = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    started = time.monotonic()
    for table in TABLES:
        if table not in known:
            connection.execute(
                f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{folder}/{table}.*.parquet') ORDER BY ts"
            )
    connection.execute("CHECKPOINT")
    loaded_s = time.monotonic() - started
    figures = {name: rounds(lambda: connection.execute(sql).fetchall()) for name, sql in questions("duckdb", until_s)}
    return {"version": duckdb.__version__, "loaded_s": loaded_s, "bytes": os.path.getsize(file), "questions": figures}


class Postgres:
    """A server in a temporary folder beside the rows; it ends with this object's `close`."""

    def __init__(self, beside):
        environment = dict(os.environ, TMPDIR=str(beside))
        # Half of a small machine, and no less than it would have in production.
        environment["POSTGRES_OPTIONS"] = (
            "-c shared_buffers=2GB -c work_mem=256MB -c maintenance_work_mem=1GB -c effective_cache_size=8GB"
            " -c max_parallel_workers_per_gather=2 -c max_wal_size=8GB -c jit=off"
        )
        script = HERE.parent.parent / "tests" / "control" / "cluster.sh"
        self.server = subprocess.Popen(
            ["sh", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.folder = self.server.stdout.readline().strip()
        if not self.folder:
            raise SystemExit("PostgreSQL did not start")

    def ask(self, sql, stdin=None):
        command = ["psql", "-h", self.folder, "-U", "fresnel", "-d", "postgres", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(command + ["-c", sql], stdin=stdin, stdout=subprocess.PIPE, check=True, text=True)
        return done.stdout

    def times(self, sql):
        """One connection, many rounds; psql tells how long each took."""
        script = "\\timing on\n" + "\\o /dev/null\n" + (sql.strip().rstrip(";") + ";\n")
        times_ms = []
        started = time.monotonic()
        while len(times_ms) < ROUNDS_MAX + 1 and (len(times_ms) < 2 or time.monotonic() - started < SECONDS_MAX):
            command = ["psql", "-h", self.folder, "-U", "fresnel", "-d", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
            done = subprocess.run(command, input=script, stdout=subprocess.PIPE, check=True, text=True)
            times_ms.append(float(re.search(r"Time: ([\d.]+) ms", done.stdout).group(1)))
        return percentiles(times_ms[1:])

    def close(self):
        self.server.stdin.close()
        self.server.wait()


def postgres_figures(folder, until_s):
    postgres = Postgres(folder.parent)
    try:
        started = time.monotonic()
        postgres.ask((HERE / "sql" / "tables.postgres").read_text())
        for table in TABLES:
            for file in sorted(glob.glob(f"{folder}/{table}.*.csv")):
                with open(file) as rows:
                    postgres.ask(f"COPY {table} FROM STDIN (FORMAT csv)", stdin=rows)
        postgres.ask((HERE / "sql" / "indexes.postgres").read_text())
        loaded_s = time.monotonic() - started
        bytes_stored = int(postgres.ask("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname = ANY (ARRAY"
                                        + repr(TABLES) + ")"))
        figures = {name: postgres.times(sql) for name, sql in questions("postgres", until_s)}
        version = postgres.ask("SHOW server_version").strip()
    finally:
        postgres.close()
    return {"version": version, "loaded_s": loaded_s, "bytes": bytes_stored, "questions": figures}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", choices=["duckdb", "postgres"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    until_s = int((folder / "until").read_text())
    run = duckdb_figures if arguments.database == "duckdb" else postgres_figures
    result = run(folder, until_s)
    print(f"{arguments.database} {result['version']}: loaded in {result['loaded_s']:.0f} s, {result['bytes'] / 2**20:.0f} MiB")
    print("| question | rounds | p50 ms | p95 ms |\n|---|---|---|---|")
    for name, figures in result["questions"].items():
        print(f"| {name} | {figures['rounds']} | {figures['p50_ms']:.1f} | {figures['p95_ms']:.1f} |")
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    sys.exit(main())
