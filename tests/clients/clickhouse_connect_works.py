"""ClickHouse's own Python client against Fresnel's embedded engine; nothing in either knows of the other.

Reads the engine's connection.json, whose path is the only argument. The Rust client is what Fresnel itself uses.
"""

import json
import sys
from datetime import datetime, timezone
from urllib.parse import urlparse
from uuid import UUID

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError

with open(sys.argv[1], encoding="utf-8") as file:
    connection = json.load(file)
address = urlparse(connection["url"])


def client(user: str, password: str):
    return clickhouse_connect.get_client(
        host=address.hostname,
        port=address.port,
        username=user,
        password=password,
        database=connection["database"],
    )


writer = client(connection["user"], connection["password"])

# Fresnel's tables, with parameters bound on the server.
tables = {row[0] for row in writer.query("SHOW TABLES").result_rows}
assert {"performance_metrics", "funnel_steps", "user_events", "client_alerts"} <= tables, tables
bound = writer.query("SELECT {a:Int64} + {b:Int64}", parameters={"a": 40, "b": 2})
assert bound.result_rows == [(42,)], bound.result_rows

# A table of one's own: written in ClickHouse's native form, compressed, and read back typed.
writer.command(
    "CREATE TABLE of_the_client (id UUID, at DateTime64(3, 'UTC'), text String) ENGINE = MergeTree ORDER BY id"
)
rows = [
    [UUID(int=number), datetime(2026, 1, 1, microsecond=number * 1_000, tzinfo=timezone.utc), f"Größe {number}"]
    for number in range(500)
]
writer.insert("of_the_client", rows, column_names=["id", "at", "text"])
read = writer.query("SELECT id, at, text FROM of_the_client ORDER BY id").result_rows
# The client gives UTC times without a zone.
assert [[id, at.replace(tzinfo=timezone.utc), text] for id, at, text in read] == rows, read[:3]
with writer.query_row_block_stream("SELECT number FROM numbers(200000)") as stream:
    assert sum(len(block) for block in stream) == 200_000
writer.command("DROP TABLE of_the_client")

# The reader reads, and that is all.
reader = client(connection["reader_user"], connection["reader_password"])
assert reader.query("SELECT count() >= 0 FROM performance_metrics").result_rows == [(1,)]
for forbidden in ["CREATE TABLE x (a Int8) ENGINE = Memory", "TRUNCATE TABLE performance_metrics"]:
    try:
        reader.command(forbidden)
    except DatabaseError:
        continue
    raise AssertionError(f"the reader may {forbidden}")

# Who has no password has no way in.
try:
    client("default", "").query("SELECT 1")
except DatabaseError:
    pass
else:
    raise AssertionError("the host session's user can log in")
