"""Users of App Services are taken in as they were: ids, identities, states."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import bcrypt
import pytest

import admit
from admit.care import Progress
from admit.errors import WrongCredentials
from admit.rows import to_line
from admit.server.appservices.exported_users import user_object
from admit.server.appservices.moving_users import UserResult, import_users, survey_users
from admit.testing import Inbox, MemoryStore
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
CREATED = 1_594_533_455
ADA = "5f0aa64f1aa64f2aa64f3aa7"
IDENTITY = "5f0aa64f1aa64f2aa64f3aa8"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def engine(inbox: Inbox) -> Iterator[admit.Engine]:
    with open_engine(MemoryStore(), inbox=inbox) as opened:
        yield opened


def identity(provider: str, id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "provider_type": provider, "provider_id": "5f60207f14dfb25d23101103", **more}


def user(id: str = ADA, address: str = "ada@example.com", **more: Any) -> dict[str, Any]:
    """Return a user object as `GET /users` has it."""
    return {
        "_id": id,
        "identities": [identity("local-userpass", f"{int(id, 16) + 1:024x}")],
        "type": "normal",
        "creation_date": CREATED,
        "last_authentication_date": 0,
        "disabled": False,
        "data": {"email": address},
        **more,
    }


def pending(id: str, address: str, **more: Any) -> dict[str, Any]:
    """Return a pending user object as `GET /user_registrations/pending_users` has it."""
    return {
        "_id": id,
        "domain_id": "5f60207f14dfb25d23101104",
        "login_ids": [{"id_type": "email", "id": address}],
        "user_id": "",
        **more,
    }


def hashed() -> str:
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def moved(
    engine: admit.Engine, folder: Path, *lines: object, dry_run: bool = False
) -> list[UserResult]:
    file = folder / "users.jsonl"
    file.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    )
    return list(import_users(engine, file, survey_users(file), dry_run=dry_run))


def outcomes(results: list[UserResult]) -> list[str]:
    return [result.outcome for result in results]


def test_a_user_is_kept_as_she_was(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given a user with two identities, disabled, seen once,
    when she is taken in,
    then id, identities with their ids and data, instants and the flag are as they were.
    """
    google = identity("oauth2-google", "1234", provider_data={"name": "Ada"})
    given = user(
        identities=[identity("local-userpass", IDENTITY), google],
        last_authentication_date=CREATED + 60,
        disabled=True,
        data={"email": "Ada@Example.com", "name": "Ada"},
        custom_data={"plan": "gold"},
    )

    [result] = moved(engine, tmp_path, given)

    assert (
        UserResult(
            line=1,
            outcome="imported",
            user_id=ADA,
            address="Ada@Example.com",
            without_password=True,
        )
        == result
    )
    ada = engine.users.get(ADA)
    assert ("confirmed", True) == (ada.state, ada.disabled)
    assert [("local-userpass", IDENTITY), ("oauth2-google", "1234")] == [
        (one.provider, one.id) for one in ada.identities
    ]
    assert {"name": "Ada"} == ada.identities[1].data
    assert datetime.fromtimestamp(CREATED, UTC) == ada.created_at
    assert datetime.fromtimestamp(CREATED + 60, UTC) == ada.last_seen_at
    assert ada == engine.users.find("ada@example.com")
    assert {"plan": "gold"} == engine.custom_data.get(ADA).data


def test_the_first_log_in_without_a_hash_goes_through_a_reset(
    engine: admit.Engine, inbox: Inbox, tmp_path: Path
) -> None:
    """
    Given a user whose password is in no export,
    when she is taken in, cannot log in, and asks for a reset,
    then the token that is mailed sets her password, and she is in.
    """
    moved(engine, tmp_path, user())
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    engine.reset(address="ada@example.com")
    link = inbox.last_link()
    engine.set_password(token_id=link.token_id, token=link.token, password=PASSWORD)

    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    assert ADA == login.user.id


def test_a_hash_that_is_known_opens_the_account(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given a user whose hash came from somewhere,
    when she is taken in,
    then she logs in as before.
    """
    [result] = moved(engine, tmp_path, user(password_hash=hashed()))

    assert False is result.without_password
    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    assert ADA == login.user.id


def test_pending_users_keep_the_id_of_their_registration(
    engine: admit.Engine, inbox: Inbox, tmp_path: Path
) -> None:
    """
    Given a pending user, known by the id of its registration,
    when it is taken in,
    then its id is the even neighbour, so that the registration is known by its id as before; it
    waits, no message went out, and a re-run sends one that confirms.
    """
    registration = "5f0aa64f1aa64f2aa64f3ab1"

    [result] = moved(engine, tmp_path, pending(registration, "grace@example.com"))

    assert ("imported", "5f0aa64f1aa64f2aa64f3ab0") == (result.outcome, result.user_id)
    grace = engine.users.find("grace@example.com")
    assert ("pending", result.user_id) == (grace.state, grace.id)
    assert 2020 == grace.created_at.year
    assert [] == inbox.messages
    engine.rerun(grace)
    link = inbox.last_link()
    assert "confirmed" == engine.confirm(token_id=link.token_id, token=link.token).state


def test_a_pending_id_that_is_not_free_is_made_anew(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given two registrations with neighbouring ids, and a user with the even one,
    when they are taken in,
    then all three are here, the registrations under ids of their own, and again changes nothing.
    """
    even, odd = "5f0aa64f1aa64f2aa64f3ab0", "5f0aa64f1aa64f2aa64f3ab1"
    lines = [
        pending(even, "grace@example.com"),
        pending(odd, "joan@example.com"),
        user(even, "ada@example.com"),
    ]

    results = moved(engine, tmp_path, *lines)

    assert ["imported"] * 3 == outcomes(results)
    assert even == engine.users.find("ada@example.com").id
    assert 3 == len({result.user_id for result in results})
    assert ["there"] * 3 == outcomes(moved(engine, tmp_path, *lines))


def test_addresses_that_collide_are_told_and_none_is_taken_in(
    engine: admit.Engine, tmp_path: Path
) -> None:
    """
    Given two users and a registration whose addresses differ in case only, and somebody else,
    when they are taken in,
    then each of the three names the lines of the others, none of them is here, and the other is.
    """
    results = moved(
        engine,
        tmp_path,
        user(ADA, "Ada@example.com"),
        user("5f0aa64f1aa64f2aa64f3ac7", "ada@example.com"),
        user("5f0aa64f1aa64f2aa64f3ad7", "joan@example.com"),
        pending("5f0aa64f1aa64f2aa64f3ae7", "ada@EXAMPLE.com"),
    )

    assert ["collides", "collides", "imported", "collides"] == outcomes(results)
    assert "line 2, 4" in (results[0].why or "")
    assert "line 1, 2" in (results[3].why or "")
    assert 1 == engine.users.count()


def test_the_same_line_twice_is_no_collision(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given pages of users that overlap, so that a line is there twice,
    when they are taken in,
    then the second time she is there.
    """
    assert ["imported", "there"] == outcomes(moved(engine, tmp_path, user(), user()))


def test_what_is_no_user_of_people_is_left_out(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given the user of a server's key, one of the system, and a registration whose user logged in,
    when they are taken in,
    then each is left out with the reason; a key of a user stays behind, and her user does not.
    """
    keys = [identity("api-key", "5f0aa64f1aa64f2aa64f3af1")]
    results = moved(
        engine,
        tmp_path,
        user("5f0aa64f1aa64f2aa64f3ab7", identities=keys, type="server", data={"name": "k"}),
        user("5f0aa64f1aa64f2aa64f3ac7", identities=[], type="system", data={}),
        pending("5f0aa64f1aa64f2aa64f3ae7", "ada@example.com", user_id=ADA),
        user(identities=[identity("local-userpass", IDENTITY), *keys]),
    )

    assert ["left-out", "left-out", "left-out", "imported"] == outcomes(results)
    assert all(result.why for result in results[:3])
    assert ["local-userpass"] == [one.provider for one in engine.users.get(ADA).identities]


def test_anonymous_users_keep_their_ids_and_are_told(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given an anonymous user, whose only way in was a session,
    when it is taken in,
    then its id is kept, for what the application has of it, and the result says what it is.
    """
    own = "5f0aa64f1aa64f2aa64f3aa8-abcdefghijklmnopqrstuvwx"

    [result] = moved(engine, tmp_path, user(identities=[identity("anon-user", own)], data={}))

    assert ("imported", True) == (result.outcome, result.anonymous)
    assert own == engine.users.get(ADA).identities[0].id


def test_extended_json_is_understood(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given a user as a dump of a collection has it,
    when it is taken in,
    then ids and numbers are what they say.
    """
    given = user(_id={"$oid": ADA}, creation_date={"$numberLong": str(CREATED)})

    [result] = moved(engine, tmp_path, given)

    assert ("imported", ADA) == (result.outcome, result.user_id)
    assert datetime.fromtimestamp(CREATED, UTC) == engine.users.get(ADA).created_at


def test_the_data_of_a_user_goes_to_the_identity_that_had_it(
    engine: admit.Engine, tmp_path: Path
) -> None:
    """
    Given a user object without data for each identity, as the Admin API gave it to most,
    when it is taken in,
    then the address is that of the password, and the rest the other provider's.
    """
    both = [identity("local-userpass", IDENTITY), identity("custom-token", "emp-1")]

    moved(engine, tmp_path, user(identities=both, data={"email": "a@example.com", "name": "A"}))

    assert [{"email": "a@example.com"}, {"name": "A"}] == [
        one.data for one in engine.users.get(ADA).identities
    ]


def test_a_dry_run_says_the_same_and_changes_nothing(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given users of whom two collide and one is none,
    when they would be taken in,
    then the results are those of doing it, and nobody is here.
    """
    lines = [
        user(),
        user("5f0aa64f1aa64f2aa64f3ac7", "ADA@example.com"),
        "{}",
        pending("5f0aa64f1aa64f2aa64f3ae7", "joan@example.com"),
    ]

    results = moved(engine, tmp_path, *lines, dry_run=True)

    assert ["collides", "collides", "refused", "would-import"] == outcomes(results)
    assert 0 == engine.users.count()


def test_who_is_here_already_is_not_merged(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given somebody who registered here with the address,
    when a user with it is taken in,
    then she is refused, and who was here is as before.
    """
    here = engine.create("ADA@example.com", PASSWORD)

    [result] = moved(engine, tmp_path, user())

    assert ("refused", "address-taken") == (result.outcome, result.code)
    assert [here.id] == [one.id for one in engine.users.page().items]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line: is no JSON."),
        ("[]", "line: must be an object, not an array."),
        ("[" * 10_000, "line: is no JSON."),
        ('{"_id": 7}', "_id: must be 24 hex digits."),
        ('{"_id": {"$oid": []}}', "_id: must be 24 hex digits."),
        ("x" * 1_100_000, "line: is longer than 1,048,576 bytes."),
        (user(identities=7), "identities: must be an array, not a number."),
        (user(identities=["x"]), "identities[0]: must be an object, not text."),
        (user(identities=[{}]), "identities[0].provider_type: must be text, not null."),
        (user(data={}), "data.email: is missing"),
        (user(data={"email": 7}), "data.email: is missing"),
        (user(data=[]), "data: must be an object, not an array."),
        (user(disabled="no"), "disabled: must be true or false, not text."),
        (user(creation_date="2020"), "creation_date: must be seconds since 1970, not text."),
        (user(creation_date=1e300), "creation_date: must be seconds since 1970."),
        (user(creation_date=-5), "created_at: is before 1970."),
        (user(creation_date=10_000_000_000), "created_at: lies in the future."),
        (user(address="no address"), "identities[0].login_key"),
        (user(identities=[identity("carrier-pigeon", "1")]), "'carrier-pigeon'"),
        (user(password_hash="plain text"), "password_hash"),
        (user(password_hash=7), "password_hash"),
        (user(custom_data=[]), "custom_data: must be a JSON object"),
        (pending(ADA, "x") | {"login_ids": 7}, "login_ids: must be an array, not a number."),
        (pending(ADA, "x") | {"login_ids": []}, "login_ids: has no address."),
        (pending(ADA, "x") | {"login_ids": [7]}, "login_ids[0]: must be an object, not a number."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_line_that_is_wrong_stops_nobody(
    engine: admit.Engine, tmp_path: Path, line: object, why: str
) -> None:
    """
    Given a line that is no user, between two that are,
    when they are taken in,
    then it is refused with the field and the rule, and the others are here.
    """
    first = user("5f0aa64f1aa64f2aa64f3ac7", "grace@example.com")
    last = user("5f0aa64f1aa64f2aa64f3ad7", "joan@example.com")

    results = moved(engine, tmp_path, first, line, last)

    assert ["imported", "refused", "imported"] == outcomes(results)
    assert why in (results[1].why or "")
    assert [1, 2, 3] == [result.line for result in results]


def test_progress_is_told(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given more users than are taken in at once,
    when they are,
    then it is told how far it has come, to the end.
    """
    file = tmp_path / "users.jsonl"
    lines = [user(f"{2 * n:024x}", f"u{n}@example.com") for n in range(250)]
    file.write_text("\n".join(map(json.dumps, lines)))
    told: list[Progress] = []

    survey = survey_users(file, progress=told.append)
    assert 250 == len(list(import_users(engine, file, survey, progress=told.append)))

    assert {"reading users", "importing users"} == {one.stage for one in told}
    assert (250, 250) == (told[-1].done, told[-1].total)


def test_what_was_cut_off_goes_on_when_it_is_done_again(
    engine: admit.Engine, tmp_path: Path
) -> None:
    """
    Given an import that ended after the first hundred,
    when the file is taken in again,
    then those are there, and the rest comes.
    """
    file = tmp_path / "users.jsonl"
    lines = [user(f"{2 * n:024x}", f"u{n}@example.com") for n in range(150)]
    file.write_text("\n".join(map(json.dumps, lines)))
    begun = import_users(engine, file, survey_users(file))
    next(begun)
    assert 100 == engine.users.count()

    results = list(import_users(engine, file, survey_users(file)))

    assert ["there"] * 100 + ["imported"] * 50 == outcomes(results)


def test_users_come_back_as_objects(engine: admit.Engine, tmp_path: Path) -> None:
    """
    Given users of each kind who were taken in,
    when they are written as user objects and taken in elsewhere,
    then they are the same there, hashes and custom data among them.
    """
    google = identity("oauth2-google", "1234", provider_data={"name": "Ada"})
    moved(
        engine,
        tmp_path,
        user(
            identities=[identity("local-userpass", IDENTITY), google],
            password_hash=hashed(),
            custom_data={"plan": "gold"},
            disabled=True,
        ),
        pending("5f0aa64f1aa64f2aa64f3ae7", "Joan@example.com", password_hash=hashed()),
    )
    rows = list(engine.users.export_all(hashes=True))

    objects = [user_object(row, lambda provider: ADA, ADA) for row in rows]

    with open_engine(MemoryStore()) as other:
        assert ["imported"] * 2 == outcomes(moved(other, tmp_path, *objects))
        again = list(other.users.export_all(hashes=True))
    assert to_line(rows[0]) == to_line(again[0])
    # The object of a pending user has no room for the id of her identity.
    assert rows[1].identities[0].id != again[1].identities[0].id
    assert attrs.evolve(rows[1], identities=again[1].identities) == again[1]
    assert rows[1].identities[0].password_hash == again[1].identities[0].password_hash
    assert {"5f0aa64f1aa64f2aa64f3ae7", ADA} == {one["_id"] for one in objects}
