"""A process that registers users on a SQL store; the tests let several race, and kill them.

sql_writer.py for-ever URL NAME         register and confirm users NAME-1, NAME-2, …, saying each
sql_writer.py race URL NAME TURNS       wait for a line, then race for turn-0, turn-1, …
"""

from __future__ import annotations

import itertools
import os
import sys
import threading

import admit
from admit.errors import AddressTaken, AdmitError
from admit.testing import CHEAP_HASHING

KEY = b"k" * 32
THREADS = 3
PASSWORD = "correct horse battery staple"


def open_engine(url: str) -> admit.Engine:
    """Open an engine that confirms at once."""
    settings = {**CHEAP_HASHING, "confirmation_flow": "auto"}
    return admit.open(url, key=KEY, settings=settings, worker=False)


def say(text: str) -> None:
    """Tell the test, in one write: a kill does not tear it."""
    os.write(1, f"{text}\n".encode())


def for_ever(url: str, name: str) -> None:
    """Register users from several threads, and say each that is acknowledged."""
    engine = open_engine(url)

    def work(thread: int) -> None:
        for number in itertools.count(thread, THREADS):
            address = f"{name}-{number}@example.com"
            engine.register(address, PASSWORD)
            say(address)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def race(url: str, name: str, turns: int) -> None:
    """Race with the others for each address; say each that was won."""
    with open_engine(url) as engine:
        say("ready")
        sys.stdin.readline()
        for turn in range(turns):
            try:
                engine.register(f"turn-{turn}@example.com", PASSWORD)
            except AddressTaken:
                continue
            except AdmitError as error:
                say(f"error {type(error).__name__}")
            else:
                say(f"won {turn} {name}")


if __name__ == "__main__":
    if sys.argv[1] == "race":
        race(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        for_ever(sys.argv[2], sys.argv[3])
