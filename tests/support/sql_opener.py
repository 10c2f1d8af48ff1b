"""A process that opens a SQL store and commits; the tests start several at once.

sql_opener.py URL FIRST COUNT    wait for a line, open, put COUNT users from number FIRST on
"""

from __future__ import annotations

import sys

from small_store import id_of

from admit.storage.sql.opening import open_postgresql, open_sqlite
from admit.stores import Change, Put, Store


def open_url(url: str, *, read_only: bool = False) -> Store:
    """Open a SQL store by its URL, without an engine."""
    scheme, _, location = url.partition("://")
    opener = open_sqlite if scheme == "sqlite" else open_postgresql
    return opener(location, read_only=read_only)


def main(url: str, first: int, count: int) -> None:
    """Say `ready`, wait, open and put."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    store = open_url(url)
    for number in range(first, first + count):
        store.commit(Change(put=(Put("user", id_of(number), {"n": number}),)))
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
