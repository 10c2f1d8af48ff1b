"""The worker serves everybody: nothing that is broken, foreign or misconfigured holds it up."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta

import pytest

import admit
from admit.errors import AddressTaken, InvalidSetting, LogInRefused, TryLater
from admit.flows import ConfirmationFlow
from admit.public import PublicFace
from admit.stores import Change, Label, Put
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


class Foreign:
    """A flow that only some processes have loaded."""

    name = "foreign"

    def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        return admit.Outcome.pending()

    @admit.hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]


def test_a_record_that_cannot_be_read_holds_up_nobody(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """Given an unreadable record at the head of the queue, when the worker passes, then the user
    behind it gets her mail."""
    due = Label("due", "2000-01-01T00:00:00.000Z")
    store.commit(Change(put=(Put("user", "0" * 24, {"state": "pending"}, None, (), (due,)),)))
    worker_less = engine.acting(admit.Actor("user"))
    worker_less.public.register("ada@example.com", PASSWORD)

    engine.work_once()

    assert ["ada@example.com"] == [message.to for message in inbox.messages]


def test_runs_of_a_foreign_flow_starve_nobody(store: MemoryStore, clock: SettableClock) -> None:
    """Given more queued runs of a flow that this process lacks than a pass takes, when it works,
    then they are left alone, and the run behind them is served."""
    inbox = Inbox()
    other = open_engine(
        store, clock=clock, plugins=[Foreign()], settings={"confirmation_flow": "foreign"}
    )
    for number in range(510):
        other.public.register(f"user{number}@example.com", PASSWORD)
    with open_engine(store, clock=clock, inbox=inbox, settings={"confirmation_flow": "email"}) as e:
        e.public.register("late@example.com", PASSWORD)

        e.work_once()

        assert ["late@example.com"] == [message.to for message in inbox.messages]
        assert 510 == sum(1 for user in e.users.page(limit=1000).items if not user.runs[0].attempts)


def test_the_worker_thread_outlives_what_breaks_in_it(
    store: MemoryStore, clock: SettableClock
) -> None:
    """Given a store that breaks in an unforeseen way once, when the worker meets it, then it goes
    on, and serves who comes later."""
    inbox, arrived = Inbox(), threading.Event()
    inbox.before_mail(lambda message: arrived.set())
    with open_engine(store, clock=clock, inbox=inbox, worker=True) as engine:
        store.fail_next_commit(RuntimeError("unforeseen"))
        with pytest.raises(RuntimeError):
            engine.public.register("grace@example.com", PASSWORD)
        engine.settings.set("cool_down", 0)
        engine.public.register("ada@example.com", PASSWORD)

        assert arrived.wait(10)


def test_under_first_proof_a_press_that_loses_to_an_unproved_holder_removes_nobody(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Given a user who waits under `first-proof`, and another who took the address under `reserve`
    later without proving it, when the first presses her link, then she is told, and still there."""
    engine.settings.set("address_policy", "first-proof")
    first = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()
    engine.settings.set("address_policy", "reserve")
    engine.register("ada@example.com", "another one entirely")

    with pytest.raises(AddressTaken):
        engine.confirm(**link.credentials)

    assert "pending" == engine.users.get(first.id).state


def test_after_an_outage_one_message_goes_out_not_one_for_each_time_somebody_asked(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Given five resets asked for while nobody worked the queue, when the worker comes back, then
    one message goes out, and its token is good."""
    engine.register("ada@example.com", PASSWORD)
    engine.settings.set("cool_down", 0)
    for _ in range(5):
        engine.public.reset(address="ada@example.com")

    engine.work_once()

    assert 2 == len(inbox.messages)  # the registration's, and one reset
    engine.set_password(**inbox.last_link().credentials, password="another one entirely")
    assert "confirmed" == engine.users.find("ada@example.com").state


def test_clients_of_one_ipv6_network_are_counted_together(engine: admit.Engine) -> None:
    """Given a stranger who may use any address of a /64, when each request comes from another one,
    then the limit of one client holds."""
    for number in range(60):
        with pytest.raises(LogInRefused):
            _from(engine, f"2001:db8::{number:x}").log_in(
                "local-userpass", username=f"nobody{number}@example.com", password=PASSWORD
            )

    with pytest.raises(TryLater):
        _from(engine, "2001:db8::ffff").log_in(
            "local-userpass", username="ada@example.com", password=PASSWORD
        )


def _from(engine: admit.Engine, address: str) -> PublicFace:
    return engine.acting(admit.Actor("user"), client=admit.Client(address=address)).public


def test_a_setting_survives_being_kept_whatever_its_length(engine: admit.Engine) -> None:
    """Given durations that are no round number, when they are set, then they read back exactly;
    and what no clock can hold is refused by name."""
    engine.settings.set("audit_retention", timedelta(days=60, seconds=1))

    assert timedelta(days=60, seconds=1) == engine.settings.get("audit_retention")
    for endless in (float("inf"), "9" * 30 + " days", "1000000 days"):
        with pytest.raises(InvalidSetting, match="audit_retention"):
            engine.settings.set("audit_retention", endless)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("/run/app.socket", "/run/app.socket"),
        ("2001:db8::1", "2001:DB8:0:0:ffff::2"),
    ],
    ids=["one IPv4 address in two spellings", "what is no IP address", "one /64"],
)
def test_e2_one_client_is_counted_once_however_it_is_written(
    engine: admit.Engine, one: str, other: str
) -> None:
    """Given a client that has used up its requests, when it comes under another spelling, then it
    has to wait all the same."""
    for number in range(60):
        _from(engine, one).reset(address=f"user{number}@example.com")

    with pytest.raises(TryLater):
        _from(engine, other).reset(address="ada@example.com")
