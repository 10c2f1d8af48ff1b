"""A network of our own, in which a machine can vanish: no packet passes, and nobody is told.

A killed server's kernel still says that the connection is gone; a machine without power says
nothing. To try that, the whole trial moves into a network namespace (root, Linux), where dropping
packets harms nobody else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

_INSIDE = "ADMIT_CLUSTER_NETWORK"
_TABLE = ("inet", "trial")


def missing() -> str | None:
    """Return what it takes and is not here, or None."""
    if os.geteuid() != 0:
        return "root"
    for program, package in (("nft", "nftables"), ("unshare", "util-linux"), ("ip", "iproute2")):
        if shutil.which(program) is None:
            return f"apt-get install {package}"
    return None


def move_in() -> None:
    """Start this program again, in a network namespace of its own; there, return."""
    if _INSIDE not in os.environ:
        os.environ[_INSIDE] = "yes"
        command = ["unshare", "--net", "--", sys.executable, *sys.argv]
        os.execvp(command[0], command)  # noqa: S606 (no shell is what is wanted)
    _run("ip", "link", "set", "lo", "up")
    _run("nft", "add", "table", *_TABLE)
    _run("nft", "add", "chain", *_TABLE, "in", "{ type filter hook input priority 0; }")


def cut_off(address: str) -> None:
    """Drop every packet from and to this address."""
    for end in ("saddr", "daddr"):
        _run("nft", "add", "rule", *_TABLE, "in", "ip", end, address, "drop")


def join_again() -> None:
    """Let every packet pass."""
    if _INSIDE in os.environ:
        _run("nft", "flush", "chain", *_TABLE, "in")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
