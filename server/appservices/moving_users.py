"""Users who move in: looked at first, then taken in, a result for each line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import attrs

import admit
from admit.care import OnProgress, Progress
from admit.errors import AdmitError, InvalidInput

from .exported_users import ReadUser, canonical_login, pending_id, read_lines, read_user

Outcome: TypeAlias = Literal[
    "imported", "would-import", "there", "differs", "refused", "collides", "left-out"
]
_AT_ONCE: Final = 100


@attrs.frozen(kw_only=True)
class UserResult:
    """What became of a line."""

    line: int
    outcome: Outcome
    """As `ImportResult` has it; `collides`: another line has the same address; `left-out`: it is no
    user who could log in here."""
    user_id: str | None = None
    address: str | None = None
    without_password: bool = False
    """Whether she logs in with a password that is not known: the first log-in is a reset."""
    anonymous: bool = False
    """Whether nobody can log in as this user ever again."""
    why: str | None = None
    code: str | None = None


@attrs.frozen
class Survey:
    """What the file says as a whole."""

    lines: int
    collisions: Mapping[bytes, tuple[int, ...]]
    """Lines whose addresses are one, though App Services told them apart."""
    ids: Mapping[str, int]
    """Id of a pending user here → the line that has it."""


def survey_users(path: Path, *, progress: OnProgress | None = None) -> Survey:
    """Return what has to be known of a file before any user of it is taken in: which addresses
    collide, and which ids are free. Raises InvalidInput: the file cannot be read."""
    count = 0
    holders: dict[bytes, tuple[int, bytes]] = {}
    collisions: dict[bytes, list[int]] = {}
    confirmed: set[bytes] = set()
    pending: dict[str, int] = {}
    for number, line in read_lines(path):
        count += 1
        if progress is not None and not count % _AT_ONCE:
            progress(Progress(stage="reading users", done=count, total=0))
        try:
            user = read_user(line)
        except InvalidInput:
            continue  # told when it is its turn
        if user.left is not None:
            continue
        own = bytes.fromhex(user.id)
        if user.pending:
            pending.setdefault(pending_id(user.id), number)
        else:
            confirmed.add(own)
        key = _digest(user)
        if key is not None:
            first, holder = holders.setdefault(key, (number, own))
            if holder != own:
                collisions.setdefault(key, [first]).append(number)
    free = {id: number for id, number in pending.items() if bytes.fromhex(id) not in confirmed}
    return Survey(count, {key: tuple(lines) for key, lines in collisions.items()}, free)


def import_users(
    engine: admit.Engine,
    path: Path,
    survey: Survey,
    *,
    dry_run: bool = False,
    progress: OnProgress | None = None,
) -> Iterator[UserResult]:
    """Take in the users of a file; yield what became of each line, in order.

    Of addresses that collide none is taken in: who of them goes on is not ours to say. A file may
    be taken in again, after it was corrected or cut off: who is there is left alone. *dry_run*
    changes nothing.

    Raises:
        StoreError: the store failed; what was yielded before is kept.
    """
    lines = read_lines(path)
    done = 0
    while some := list(islice(lines, _AT_ONCE)):
        yield from _some(engine, some, survey, dry_run)
        done += len(some)
        if progress is not None:
            progress(Progress(stage="importing users", done=done, total=survey.lines))


def _some(
    engine: admit.Engine, lines: list[tuple[int, bytes]], survey: Survey, dry_run: bool
) -> Iterator[UserResult]:
    results: dict[int, UserResult] = {}
    users: list[tuple[int, ReadUser]] = []
    for number, line in lines:
        try:
            user = read_user(line)
        except InvalidInput as problem:
            results[number] = UserResult(
                line=number, outcome="refused", why=problem.sentence, code=problem.code
            )
            continue
        known = UserResult(
            line=number, outcome="left-out", user_id=user.id, address=user.login, why=user.left
        )
        others = _colliding(user, survey)
        if user.left is not None:
            results[number] = known
        elif others:
            told = ", ".join(str(other) for other in others if other != number)
            why = f"its address is that of line {told}, when case and the like do not count."
            results[number] = attrs.evolve(known, outcome="collides", why=why)
        else:
            users.append((number, user))
    rows = [_row(number, user, survey) for number, user in users]
    for (number, user), result in zip(
        users, engine.users.import_all(rows, dry_run=dry_run), strict=True
    ):
        results[number] = UserResult(
            line=number,
            outcome=result.outcome,
            user_id=result.user_id or user.id,
            address=user.login,
            without_password=user.login is not None and not user.has_hash,
            anonymous=user.is_anonymous,
            why=_sentence(result.error),
            code=None if result.error is None else result.error.code,
        )
    yield from (results[number] for number, _ in lines)


def _sentence(error: AdmitError | None) -> str | None:
    return None if error is None else f"{error.sentence} {error.next_step}"


def _row(number: int, user: ReadUser, survey: Survey) -> Mapping[str, Any]:
    """Return the row for the engine: a pending user's id is the even neighbour of its
    registration's, as everywhere here, or – where another user has that – a new one."""
    own = pending_id(user.id)
    if user.pending and survey.ids.get(own) == number:
        return {**user.row, "id": own}
    return user.row


def _colliding(user: ReadUser, survey: Survey) -> tuple[int, ...]:
    key = _digest(user)
    return () if key is None else survey.collisions.get(key, ())


def _digest(user: ReadUser) -> bytes | None:
    """Return a short name of the address: a file may have a million of them."""
    found = canonical_login(user)
    return None if found is None else hashlib.blake2b(found.encode(), digest_size=16).digest()
