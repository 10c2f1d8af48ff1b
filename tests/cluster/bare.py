"""The yardstick: the writes of a commit by psycopg alone, one connection, no engine and no store.

    bare.py CONNECTION_STRING

How long it is without a commit is what the cluster takes to recover; what an application takes
longer is the store's. Says the same lines as `application.py`, and ends in the same way.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time

import psycopg

PAUSE_SECONDS = 0.05
TABLES = """
CREATE TABLE IF NOT EXISTS bare_user (id bigint PRIMARY KEY, key text UNIQUE, version int);
CREATE TABLE IF NOT EXISTS bare_event (id bigint, version int, PRIMARY KEY (id, version));
"""


def register(connection: psycopg.Connection, number: int) -> None:
    """Insert a user with its unique key, and the event of that."""
    connection.execute("INSERT INTO bare_user VALUES (%s, %s, 1)", (number, f"key:{number}"))
    connection.execute("INSERT INTO bare_event VALUES (%s, 1)", (number,))
    connection.commit()


def confirm(connection: psycopg.Connection, number: int) -> None:
    """Write the user's next version if it is still the first, and the event of that."""
    connection.execute("UPDATE bare_user SET version = 2 WHERE id = %s AND version = 1", (number,))
    connection.execute("INSERT INTO bare_event VALUES (%s, 2)", (number,))
    connection.commit()


def run(stop: threading.Event, conninfo: str) -> None:
    """Register and confirm, connecting again whenever that fails."""
    numbers = itertools.count(time.monotonic_ns())
    while not stop.is_set():
        try:
            with psycopg.connect(conninfo) as connection:
                # As PgBouncer wants it: the next transaction is on another server connection.
                connection.prepare_threshold = None
                connection.execute(TABLES)
                while not stop.is_set():
                    number = next(numbers)
                    for write in (register, confirm):
                        write(connection, number)
                        os.write(1, f"{time.monotonic_ns()} commit - -\n".encode())
        except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as problem:
            os.write(1, f"{time.monotonic_ns()} failed - {type(problem).__name__}\n".encode())
            stop.wait(PAUSE_SECONDS)


def stop_at_end_of_input(stop: threading.Event) -> None:
    """Wait for whoever started us to let go."""
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    stopped = threading.Event()
    threading.Thread(target=stop_at_end_of_input, args=(stopped,), daemon=True).start()
    run(stopped, sys.argv[1])
