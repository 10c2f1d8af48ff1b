"""Import and export: users move from one system to another as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import pytest

import admit
from admit import AddressRow, IdentityRow, Secret, UserRow
from admit.errors import (
    AddressTaken,
    IdentityTaken,
    IdTaken,
    InvalidInput,
    PasswordMustChange,
    StoreUnreachable,
    UnknownName,
    UserNotFound,
)
from admit.rows import read_row, to_line
from admit.stores import Change
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
OLD_ID = "5f0aa64f1aa64f2aa64f3aa7"
BEFORE = datetime(2020, 7, 12, 5, 57, 35, tzinfo=UTC)
"""The second that the id begins with."""


def row(name: str = "ada", **more: Any) -> dict[str, Any]:
    """Return a row of a user who logs in with an address."""
    login = {"provider": "local-userpass", "login_key": f"{name}@example.com"}
    return {"identities": [login], **more}


def test_a_user_is_kept_as_she_was_elsewhere(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a row with all that another system knew of a user,
    when it is imported,
    then she is here with her id, state, instants, identities, addresses and custom data, and no
    message went out.
    """
    seen = BEFORE + timedelta(days=900)
    identity = IdentityRow(
        provider="local-userpass",
        login_key="Ada@example.com",
        id="5f0aa64f1aa64f2aa64f3aa8",
        data={"email": "Ada@example.com", "name": "Ada"},
    )
    address = AddressRow(typed="Ada@example.com", proved_at=BEFORE, proved_by="confirmation mail")

    result = engine.users.import_user(
        UserRow(
            id=OLD_ID,
            disabled=True,
            identities=(identity,),
            addresses=(address,),
            confirmed_at=BEFORE + timedelta(minutes=5),
            last_seen_at=seen,
            custom_data={"plan": "gold"},
        )
    )

    ada = engine.users.get(OLD_ID)
    assert (OLD_ID, "imported") == (result.user_id, result.outcome)
    assert ("confirmed", True, BEFORE) == (ada.state, ada.disabled, ada.created_at)
    assert BEFORE + timedelta(minutes=5) == ada.confirmed_at
    assert (seen, seen) == (ada.first_log_in_at, ada.last_seen_at)
    assert "ada@example.com" == ada.identities[0].login_key
    assert "5f0aa64f1aa64f2aa64f3aa8" == ada.identities[0].id
    assert {"email": "Ada@example.com", "name": "Ada"} == ada.identities[0].data
    assert ("Ada@example.com", "ada@example.com", BEFORE, "confirmation mail") == (
        ada.addresses[0].typed,
        ada.addresses[0].canonical,
        ada.addresses[0].proved_at,
        ada.addresses[0].proved_by,
    )
    assert {"plan": "gold"} == engine.custom_data.get(ada).data
    assert [] == inbox.messages


def test_she_logs_in_with_the_password_of_before(engine: admit.Engine) -> None:
    """
    Given a row with the hash that another system kept,
    when she logs in with her password,
    then she is let in, and the hash is one of the engine's own afterwards.
    """
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    line = row()
    line["identities"][0]["password_hash"] = hashed

    engine.users.import_user(line)

    log_in = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    assert log_in.user.identities[0].private["hash"].startswith("$argon2id$")


def test_p6_a_password_that_somebody_else_chose_must_still_be_changed(
    engine: admit.Engine,
) -> None:
    """Given a user whom an admin created with a password, when she moves to another store, then it
    still opens nothing."""
    engine.create("ada@example.com", PASSWORD)
    with open_engine() as other:
        list(other.users.import_all(engine.users.export_all(hashes=True)))

        with pytest.raises(PasswordMustChange):
            other.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_who_is_pending_is_sent_nothing_until_she_is_rerun(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a user who never confirmed in the other system,
    when she is imported, then she is pending and no flow was entered;
    when she is re-run, then a message goes out, and its link confirms her.
    """
    result = engine.users.import_user(row(id=OLD_ID, state="pending"))
    ada = engine.users.get(OLD_ID)
    assert ("pending", (), []) == (ada.state, ada.runs, inbox.messages)
    assert "rerun" == engine.why(OLD_ID).suggestion

    engine.rerun(result.user_id)

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_it_stands_in_the_timeline_and_the_chain_holds(engine: admit.Engine) -> None:
    """Given an import by an admin, then the trail says who, why, and that it was one."""
    support = engine.acting(admit.Actor("admin", "ops"), "the old server is switched off")

    support.users.import_user(row(id=OLD_ID))
    support.users.import_user(row("grace", id=OLD_ID[:-1] + "9", state="pending"))

    ada = engine.users.timeline(admit.records.UserId(OLD_ID))[0]
    grace = engine.users.timeline(address="grace@example.com")[0]
    assert ("create", "confirmed", "import") == (ada.trigger, ada.to_state, ada.codes["cause"])
    assert ("register", "pending", "import") == (
        grace.trigger,
        grace.to_state,
        grace.codes["cause"],
    )
    assert "the old server is switched off" in str(ada.detail)
    engine.work_once()
    assert () == tuple(engine.events.verify().problems)


@pytest.mark.parametrize("state", ["pending", "confirmed"])
@pytest.mark.parametrize("policy", ["reserve", "first-proof"])
@pytest.mark.parametrize("more", [{"id": OLD_ID}, {}], ids=["with an id", "without one"])
def test_a_row_that_is_imported_again_is_there(
    state: str, policy: str, more: dict[str, str], clock: SettableClock
) -> None:
    """
    Given a row that was imported,
    when it comes again, later,
    then nothing is changed, and that is said.
    """
    with open_engine(clock=clock, settings={"address_policy": policy}) as engine:
        line = row(state=state, custom_data={"plan": "gold"}, **more)
        engine.users.import_user(line)
        before = engine.users.find("ada@example.com")
        clock.advance(timedelta(days=1))

        again = engine.users.import_user(line)

        assert (before.id, "there") == (again.user_id, again.outcome)
        assert (before, 1) == (engine.users.find("ada@example.com"), engine.users.count())


def test_what_happened_to_her_since_is_left_so(engine: admit.Engine) -> None:
    """
    Given a user who was imported, and disabled since,
    when her row comes again,
    then she stays disabled, and it is said that she differs.
    """
    engine.users.import_user(row(id=OLD_ID))
    engine.disable(OLD_ID)

    again = engine.users.import_user(row(id=OLD_ID))

    assert ("differs", True) == (again.outcome, engine.users.get(OLD_ID).disabled)


@pytest.mark.parametrize(
    "change",
    [
        {"custom_data": {"plan": "tin"}},
        {"last_seen_at": "2024-05-06T07:08:09Z"},
        {"addresses": [{"typed": "ada@example.com", "proved_by": "a letter"}]},
        {"delete_at": "2034-05-06T07:08:09Z"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_row_that_says_something_else_differs(
    engine: admit.Engine, change: dict[str, Any]
) -> None:
    """The store's word counts: what a later row says otherwise is not taken over."""
    engine.users.import_user(row(id=OLD_ID, custom_data={"plan": "gold"}))
    before = engine.users.get(OLD_ID)

    again = engine.users.import_user(row(id=OLD_ID, **change))

    assert ("differs", before) == (again.outcome, engine.users.get(OLD_ID))


def test_another_hash_or_identity_id_differs(engine: admit.Engine) -> None:
    """Also what is inside an identity is compared."""
    first = row(id=OLD_ID)
    first["identities"][0] |= {"id": "one", "password_hash": hash_of("one")}
    engine.users.import_user(first)

    outcomes = []
    for change in ({"id": "two"}, {"password_hash": hash_of("two")}, {"data": {"name": "Ada"}}, {}):
        again = row(id=OLD_ID)
        again["identities"][0] |= change
        outcomes.append(engine.users.import_user(again).outcome)

    assert ["differs", "differs", "differs", "there"] == outcomes


def hash_of(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def test_an_id_that_another_user_has_is_refused(engine: admit.Engine) -> None:
    """Given two users whom two systems gave one id, then the second is refused, and says so."""
    engine.users.import_user(row(id=OLD_ID))

    with pytest.raises(IdTaken) as refused:
        engine.users.import_user(row("grace", id=OLD_ID))

    assert (OLD_ID, "confirmed") == (refused.value.user_id, refused.value.state)
    assert 1 == engine.users.count()


def test_who_was_deleted_here_does_not_come_back(engine: admit.Engine) -> None:
    """
    Given a user who was imported and had herself deleted,
    when the same file is imported again,
    then she stays gone.
    """
    engine.users.import_user(row(id=OLD_ID))
    engine.delete(OLD_ID)

    with pytest.raises(IdTaken, match="was deleted"):
        engine.users.import_user(row(id=OLD_ID))

    with pytest.raises(UserNotFound):
        engine.users.find("ada@example.com")


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry run", "for real"])
def test_one_that_is_refused_does_not_stop_the_others(engine: admit.Engine, dry_run: bool) -> None:
    """
    Given a file with a user whose address is taken, a line that is none, and two good rows,
    when it is imported,
    then each has its answer, in order, and the good ones are here – or would be.
    """
    engine.register("grace@example.com", PASSWORD)
    rows: list[Any] = [row("ada"), row("grace"), "{", row("joan", id=OLD_ID)]

    results = list(engine.users.import_all(rows, dry_run=dry_run))

    good = "would-import" if dry_run else "imported"
    assert [good, "refused", "refused", good] == [result.outcome for result in results]
    assert [1, 2, 3, 4] == [result.place for result in results]
    assert isinstance(results[1].error, AddressTaken)
    assert isinstance(results[2].error, InvalidInput)
    assert (1 if dry_run else 3) == engine.users.count()


def test_a_dry_run_finds_rows_that_collide_with_each_other(engine: admit.Engine) -> None:
    """Nothing was written that they could collide with; it is said all the same."""
    rows = [row("ada", id=OLD_ID), row("joan", id=OLD_ID), row("ada", id=OLD_ID[:-1] + "9")]

    would = list(engine.users.import_all(rows, dry_run=True))
    done = list(engine.users.import_all(rows))

    assert [None, IdTaken, IdentityTaken] == [error_type(result) for result in would]
    assert [None, IdTaken, AddressTaken] == [error_type(result) for result in done]


def error_type(result: admit.ImportResult) -> type | None:
    return None if result.error is None else type(result.error)


def test_an_import_that_was_cut_off_goes_on(store: MemoryStore, engine: admit.Engine) -> None:
    """
    Given a file of three hundred rows, and a store that goes away behind the first 150,
    when it is imported again when the store is well,
    then everybody is here once; `skip` leaves out those whose results were told.
    """
    rows = [row(f"user{number}") for number in range(300)]
    told: list[admit.ImportResult] = []

    def away(change: Change) -> None:
        if engine.users.count() == 150:
            raise StoreUnreachable("the store", "gone")

    store.before_commit = away
    with pytest.raises(StoreUnreachable):
        told.extend(engine.users.import_all(rows))
    store.before_commit = None

    results = list(engine.users.import_all(rows, skip=len(told)))
    assert (100, 200, 101) == (len(told), len(results), results[0].place)
    assert ["there"] * 50 + ["imported"] * 150 == [result.outcome for result in results]
    assert 300 == engine.users.count()


def test_a_source_that_breaks_off_loses_nothing_that_was_told(engine: admit.Engine) -> None:
    """What was yielded is kept, whatever happens to who reads the rows."""

    def breaking() -> Iterator[dict[str, Any]]:
        yield from (row(f"user{number}") for number in range(100))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(engine.users.import_all(breaking()))

    assert 100 == engine.users.count()


def test_users_that_moved_are_the_same_in_the_other_store(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given users in several states, with custom data and passwords,
    when they are exported, line by line, and imported into another store,
    then an export of that store has the same lines, and coming again changes nothing.
    """
    engine.register("ada@example.com", PASSWORD, data={"name": "Ada"})
    engine.confirm(**inbox.last_link().credentials)
    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    engine.custom_data.set(address="ada@example.com", data={"plan": "gold"})
    engine.register("grace@example.com", PASSWORD)
    engine.disable(engine.create("joan@example.com"))
    lines = [to_line(one) for one in engine.users.export_all(hashes=True)]

    with open_engine() as other:
        first = [result.outcome for result in other.users.import_all(lines)]
        again = [result.outcome for result in other.users.import_all(lines)]
        came = [to_line(one) for one in other.users.export_all(hashes=True)]

        assert (["imported"] * 3, ["there"] * 3) == (first, again)
        assert lines == came
        other.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    home = [result.outcome for result in engine.users.import_all(lines)]
    assert ["there"] * 3 == home


def test_t3_an_export_has_hashes_only_if_they_were_asked_for(engine: admit.Engine) -> None:
    """What is needed to move is in it, and nothing secret that was not asked for; who took it is
    recorded."""
    engine.register("ada@example.com", PASSWORD)

    bare = [to_line(one) for one in engine.users.export_all()]
    whole = list(engine.users.export_all(hashes=True))

    assert "argon2" not in bare[0]
    assert "argon2" in to_line(whole[0])
    assert "argon2" not in repr(whole[0])
    assert [("all", "no"), ("all", "yes")] == [
        (event.codes["users"], event.codes["hashes"])
        for event in engine.events.unsealed(limit=1000)
        if event.trigger == "export"
    ]


def test_an_export_can_be_of_one_list(engine: admit.Engine) -> None:
    """Only who waits, say; the names of lists are those of `page`."""
    engine.register("ada@example.com", PASSWORD)
    engine.create("joan@example.com")

    pending = list(engine.users.export_all("pending"))

    assert ["ada@example.com"] == [one.addresses[0].typed for one in pending]
    with pytest.raises(InvalidInput):
        engine.users.export_all("everybody")


def test_server_keys_and_who_was_deleted_do_not_move(engine: admit.Engine) -> None:
    """A key's own user is nobody without its key, and a tombstone no user."""
    engine.api_keys.create_server_key(name="nightly")
    engine.delete(engine.register("ada@example.com", PASSWORD))

    assert [] == list(engine.users.export_all())
    assert [] == list(engine.users.export_all("deleted"))


def test_under_first_proof_an_imported_user_who_waits_holds_nothing(inbox: Inbox) -> None:
    """
    Given the policy `first-proof`, and an import of a user who never proved her address,
    when its owner registers and confirms,
    then the address is hers.
    """
    with open_engine(inbox=inbox, settings={"address_policy": "first-proof"}) as engine:
        engine.users.import_user(row(id=OLD_ID, state="pending"))
        owner = engine.register("ada@example.com", PASSWORD)
        engine.confirm(**inbox.last_link().credentials)
        engine.work_once()

        assert owner.id == engine.users.find("ada@example.com").id
        with pytest.raises(UserNotFound):
            engine.users.get(OLD_ID)


def test_under_first_proof_who_comes_confirmed_drives_out_who_waits(inbox: Inbox) -> None:
    """Given somebody who waits for an address, when its owner is imported, then it is hers."""
    with open_engine(inbox=inbox, settings={"address_policy": "first-proof"}) as engine:
        rival = engine.register("ada@example.com", PASSWORD)

        dry = engine.users.import_user(row(id=OLD_ID), dry_run=True)
        engine.users.import_user(row(id=OLD_ID))
        engine.work_once()

        assert "would-import" == dry.outcome
        assert OLD_ID == engine.users.find("ada@example.com").id
        with pytest.raises(UserNotFound):
            engine.users.get(rival.id)


def test_an_identity_of_another_provider_keeps_its_key(engine: admit.Engine) -> None:
    """
    Given an anonymous user of the other system,
    when she is imported twice under two ids,
    then she is found by her login, and the second is refused.
    """
    login = {"provider": "anon-user", "login_key": "5f0a-abc", "id": "5f0a-abc"}

    engine.users.import_user({"id": OLD_ID, "identities": [login]})

    assert OLD_ID == engine.users.find_login("anon-user", "5f0a-abc").id
    with pytest.raises(IdentityTaken):
        engine.users.import_user({"id": OLD_ID[:-1] + "9", "identities": [login]})


def test_who_is_leaving_there_is_leaving_here(engine: admit.Engine, clock: SettableClock) -> None:
    """Given a user whose grace ends tomorrow, when she is imported, then she is deleted then."""
    tomorrow = clock.now() + timedelta(days=1)
    engine.users.import_user(UserRow(id=OLD_ID, delete_at=tomorrow))

    clock.advance(timedelta(days=2))
    engine.sweep()

    with pytest.raises(UserNotFound):
        engine.users.get(OLD_ID)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (5, "row"),
        ("[]", "row"),
        ("{" * 100_000, "row"),
        ('"' + "x" * 1_100_000 + '"', "row"),
        ({}, "identities"),
        ({"id": "x"}, "id"),
        ({"id": OLD_ID, "emails": []}, "row"),
        ({"id": OLD_ID, "state": "deleted"}, "state"),
        ({"id": OLD_ID, "disabled": "no"}, "disabled"),
        ({"id": OLD_ID, "created_at": "yesterday"}, "created_at"),
        ({"id": OLD_ID, "created_at": "2020-01-01T00:00:00"}, "created_at"),
        ({"id": OLD_ID, "created_at": "1969-12-31T00:00:00Z"}, "created_at"),
        ({"id": OLD_ID, "created_at": "0001-01-01T00:00:00+14:00"}, "created_at"),
        ({"id": OLD_ID, "last_seen_at": "2999-01-01T00:00:00Z"}, "last_seen_at"),
        ({"id": OLD_ID, "state": "pending", "confirmed_at": "2020-01-01T00:00:00Z"}, "confirmed"),
        ({"id": OLD_ID, "state": "pending", "delete_at": "2020-01-01T00:00:00Z"}, "delete_at"),
        ({"id": OLD_ID, "custom_data": []}, "custom_data"),
        ({"id": OLD_ID, "custom_data": {"a": float("nan")}}, "custom_data"),
        ({"id": OLD_ID, "identities": {}}, "identities"),
        ({"id": OLD_ID, "identities": [[]]}, "identities[0]"),
        ({"id": OLD_ID, "identities": [{"provider": "anon-user"}]}, "identities[0].login_key"),
        ({"id": OLD_ID, "identities": [{"provider": "api-key", "login_key": "k"}]}, "provider"),
        (
            {"identities": [{"provider": "local-userpass", "login_key": "ada"}]},
            "identities[0].login_key",
        ),
        (
            {"identities": [{"provider": "anon-user", "login_key": "a", "password_hash": "x"}]},
            "identities[0].password_hash",
        ),
        (row() | {"identities": row()["identities"] * 2}, "identities"),
        ({"id": OLD_ID, "identities": [{"provider": "p", "login_key": "k"}] * 101}, "identities"),
        ({"id": OLD_ID, "addresses": [{"typed": "ada"}]}, "addresses[0].typed"),
        ({"id": OLD_ID, "identities": [{"provider": "anon-user", "login_key": ""}]}, "login_key"),
        ({"id": OLD_ID, "addresses": [{}]}, "addresses[0].typed"),
        ({"id": OLD_ID, "addresses": [{"typed": "a@b.example"}] * 2}, "addresses"),
        (UserRow(id=OLD_ID, created_at=datetime(2020, 1, 1)), "created_at"),  # noqa: DTZ001
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_what_is_no_row_is_refused_and_named(engine: admit.Engine, wrong: Any, where: str) -> None:
    """The place is said, the value is not, and nobody was made."""
    with pytest.raises(InvalidInput) as refused:
        engine.users.import_user(wrong)

    assert where in refused.value.field
    assert 0 == engine.users.count()


def test_a_provider_that_is_not_loaded_is_named(engine: admit.Engine) -> None:
    """Nobody could log in with it, and nobody would notice."""
    line = {"id": OLD_ID, "identities": [{"provider": "oauth2-gogle", "login_key": "1"}]}

    with pytest.raises(UnknownName, match="oauth2-gogle"):
        engine.users.import_user(line)


@pytest.mark.parametrize("wrong", [5, "{}", {}, None])
def test_many_rows_are_many(engine: admit.Engine, wrong: Any) -> None:
    """One row in the place of many is a slip, and is told as one."""
    with pytest.raises(InvalidInput):
        engine.users.import_all(wrong)
    with pytest.raises(InvalidInput):
        engine.users.import_all([], skip=-1)


def test_a_line_says_all_that_a_row_says() -> None:
    """Written and read again, a row is the same; what says nothing is left out."""
    whole = UserRow(
        id=OLD_ID,
        state="pending",
        disabled=True,
        identities=(
            IdentityRow(provider="local-userpass", login_key="a@b.example", added_at=BEFORE),
            IdentityRow(
                provider="local-userpass",
                login_key="c@d.example",
                password_hash=Secret("$2b$…"),
                password_must_change=True,
            ),
        ),
        addresses=(AddressRow(typed="a@b.example", proved_at=BEFORE),),
        created_at=BEFORE,
        custom_data={"plan": "gold"},
    )

    assert whole == read_row(to_line(whole))
    assert {"id": OLD_ID, "state": "confirmed"} == json.loads(to_line(UserRow(id=OLD_ID)))


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry run", "for real"])
@pytest.mark.parametrize("states", [("pending", "confirmed"), ("confirmed", "pending")])
def test_no_user_has_the_id_of_anothers_registration(
    engine: admit.Engine, states: tuple[str, str], dry_run: bool
) -> None:
    """Given two users with neighbouring ids, one of them pending, then the second is refused: her
    registration, or the other's, would be called as one of the users. Two confirmed ones may."""
    even, odd = (f"{OLD_ID[:-2]}a6", f"{OLD_ID[:-2]}a7")
    rows = [row(id=even, state=states[0]), row("grace", id=odd, state=states[1])]

    done = list(engine.users.import_all(rows, dry_run=dry_run))
    others = [row("mary", id=f"{OLD_ID[:-2]}b6"), row("joan", id=f"{OLD_ID[:-2]}b7")]

    assert [None, InvalidInput] == [error_type(result) for result in done]
    assert "neighbour" in str(done[1].error)
    assert [None, None] == [error_type(r) for r in engine.users.import_all(others)]


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry run", "for real"])
def test_nobody_arrives_with_a_proof_of_anothers_login(engine: admit.Engine, dry_run: bool) -> None:
    """Given a user who logs in with a mailbox, then a row that says another one proved it is
    refused; one that only carries it is not."""
    ada = engine.confirm_manually(engine.register("ada@example.com", PASSWORD))
    rows = [
        row("eve", addresses=[{"typed": "ADA@example.com", "proved_at": "2024-01-01T00:00:00Z"}]),
        row("joe", addresses=[{"typed": "ada@example.com"}]),
    ]

    done = list(engine.users.import_all(rows, dry_run=dry_run))

    assert [AddressTaken, None] == [error_type(result) for result in done]
    assert ada.id == engine.users.find("ada@example.com").id
