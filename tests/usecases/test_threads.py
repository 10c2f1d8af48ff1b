"""Everything at once: many threads use every verb on a few users, through both faces."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest

import admit
from admit import AdmitError, Engine, Entry, Outcome, Services, hookimpl
from admit.errors import DeliveryFailed
from admit.flows import ConfirmationFlow, ResetFlow
from admit.stores import Store
from admit.testing import MemoryStore
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESSES = [f"user{number}@example.com" for number in range(4)]
THREADS, TURNS = 4, 60


class Capricious:
    """A flow that does whatever a flow may do, and hands its tokens to whoever wants them."""

    name = "capricious"
    resends = proves_address = True

    def __init__(self, random: Random, *, inline: bool) -> None:
        self.inline = inline
        self.random = random
        self.entries: list[Entry] = []

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    @hookimpl
    def register_reset_flows(self) -> Iterable[ResetFlow]:
        return [self]

    def begin(self, entry: Entry, services: Services) -> Outcome:
        self.entries.append(entry)
        match self.random.randrange(10):
            case 0:
                return Outcome.success(proved=True)
            case 1:
                return Outcome.fail("not now")
            case 2 | 3 as kind:
                raise DeliveryFailed("The other side is away.", temporary=kind == 2)
            case 4:
                raise LookupError
            case _:
                return Outcome.pending()


def press(engine: Engine, entry: Entry, *, strangely: bool) -> object:
    """Use a token or a code as its owner would, or as anybody else."""
    link = {"token_id": entry.token_id, "token": entry.token.reveal()}
    typed = {"address": entry.username, "code": entry.code.reveal()}
    if entry.purpose == "reset":
        face = engine.public if strangely else engine
        return face.set_password(**(typed if strangely else link), password=PASSWORD)
    if strangely:
        return engine.public.confirm(**link, password=PASSWORD)
    return engine.confirm(**typed)


VERBS: list[Callable[[Engine, str, str], object]] = [
    lambda engine, one, other: engine.register(one, PASSWORD),
    lambda engine, one, other: engine.create(one, PASSWORD),
    lambda engine, one, other: engine.rerun(address=one),
    lambda engine, one, other: engine.resend(address=one),
    lambda engine, one, other: engine.reset(address=one),
    lambda engine, one, other: engine.confirm_manually(address=one),
    lambda engine, one, other: engine.correct_address(address=one, to=other),
    lambda engine, one, other: engine.disable(address=one),
    lambda engine, one, other: engine.enable(address=one),
    lambda engine, one, other: engine.delete(address=one),
    lambda engine, one, other: engine.log_out_all(address=one),
    lambda engine, one, other: engine.why(address=one),
    lambda engine, one, other: engine.log_in("local-userpass", username=one, password=PASSWORD),
    lambda engine, one, other: engine.public.register(one, PASSWORD),
    lambda engine, one, other: engine.public.rerun(address=one),
    lambda engine, one, other: engine.public.reset(address=one),
    lambda engine, one, other: engine.public.change_password(
        address=one, current=PASSWORD, new=PASSWORD
    ),
    lambda engine, one, other: engine.batch(
        [engine.prepare.register(one, PASSWORD), engine.prepare.rerun(address=other)]
    ),
    lambda engine, one, other: list(engine.users.rerun_all(per_second=None)),
    lambda engine, one, other: engine.work_once(),
    lambda engine, one, other: engine.recover(),
    lambda engine, one, other: engine.sweep(),
]


def live(engine: Engine, flow: Capricious, random: Random, odd: list[BaseException]) -> None:
    """Do one thing after the other; whatever is not an error of ours is odd."""
    for _ in range(TURNS):
        one, other = random.choice(ADDRESSES), random.choice(ADDRESSES)
        try:
            if flow.entries and random.random() < 0.3:
                press(engine, random.choice(flow.entries), strangely=random.random() < 0.5)
            else:
                random.choice(VERBS)(engine, one, other)
        except AdmitError:
            continue
        except BaseException as problem:
            odd.append(problem)
            raise


def opened_store(kind: str, folder: Path) -> str | Store:
    return MemoryStore() if kind == "memory" else str(folder / "users.json")


@pytest.mark.parametrize("policy", ["reserve", "first-proof"])
@pytest.mark.parametrize("kind", ["memory", "tiny"])
@pytest.mark.parametrize(
    "seed", [0, *[pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 20)]]
)
def test_whatever_happens_at_once_each_login_has_one_owner_and_the_trail_holds(
    tmp_path: Path, kind: str, policy: str, seed: int
) -> None:
    """
    Given four threads that use every verb on the same few users, and a flow that does anything,
    when all are done and the queue is worked off,
    then nothing but errors of ours was raised, each login has at most one owner, every event has
    one place, and seals, chains and users agree.
    """
    chance = [Random(seed * 100 + number) for number in range(THREADS + 1)]  # noqa: S311  # no secret
    flow = Capricious(chance.pop(), inline=seed % 2 == 1)
    settings = dict.fromkeys(("confirmation_flow", "reset_flow", "notice_flow"), flow.name)
    odd: list[BaseException] = []
    with open_engine(
        opened_store(kind, tmp_path),
        plugins=[flow],
        settings={
            **settings,
            "address_policy": policy,
            "cool_down": 0,
            "must_change_is_enforced": False,
        },
    ) as engine:
        threads = [
            threading.Thread(target=live, args=(engine, flow, random, odd)) for random in chance
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while engine.work_once():
            pass

        assert [] == odd
        users = engine.users.page(limit=1000).items
        owners = Counter(i.key for user in users if user.holds_keys for i in user.identities)
        assert {1} >= set(owners.values())
        audit = engine.events.verify()
        assert ((), 0) == (audit.problems, audit.unsealed)
        assert [*range(1, audit.sealed + 1)] == _sequences(engine)


def _sequences(engine: admit.Engine) -> list[int | None]:
    found: list[int | None] = []
    while page := engine.events.page(after=found[-1] or 0 if found else 0, limit=1000):
        found += [event.sequence for event in page]
    return found
