"""Export: everything that is kept about a user, and nothing that opens anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

import admit
from admit import Actor, Client
from admit.clock import to_text
from admit.errors import FreshLogInNeeded, SessionInvalid, UserNotFound
from admit.testing import Inbox, MemoryStore, SettableClock

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


@pytest.fixture
def login(engine: admit.Engine, inbox: Inbox) -> admit.LogIn:
    """A user who has lived a little, as she logs in from her phone."""
    client = Client(address="192.0.2.7", device="her phone")
    hers = engine.acting(Actor("user"), client=client)
    ada = hers.register(ADDRESS, PASSWORD, data={"name": "Ada Lovelace"})
    engine.confirm(**inbox.last_link().credentials)
    engine.custom_data.set(ada, {"plan": "gold"})
    return hers.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


def texts(value: object) -> Iterator[str]:
    """Every text in a document, names too."""
    match value:
        case str():
            yield value
        case Mapping():
            for name, inner in value.items():
                yield str(name)
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)


def test_the_document_names_its_form(
    engine: admit.Engine, login: admit.LogIn, clock: SettableClock
) -> None:
    """So that whoever reads it later knows what it is; JSON holds it as it is."""
    document = engine.users.export(login.user)

    assert ["admit-user-export", 1, to_text(clock.now())] == [
        document[name] for name in ("form", "version", "exported_at")
    ]
    assert document == json.loads(json.dumps(document))
    assert [
        *("form", "version", "exported_at", "user", "addresses", "identities", "runs"),
        *("sessions", "api_keys", "custom_data", "events"),
    ] == list(document)


def test_everything_about_her_is_in_it(engine: admit.Engine, login: admit.LogIn) -> None:
    """Each of the things that she, or an admin, gave or did, stands in its section."""
    document = engine.users.export(address=ADDRESS)

    assert (login.user.id, "confirmed") == (document["user"]["id"], document["user"]["state"])
    assert to_text(login.user.created_at) == document["user"]["created_at"]
    [address] = document["addresses"]
    assert ADDRESS == address["typed"]
    assert address["proved_at"]
    [identity] = document["identities"]
    assert {"email": ADDRESS, "name": "Ada Lovelace"} == identity["data"]
    assert ["confirm"] == [run["purpose"] for run in document["runs"]]
    [session] = document["sessions"]
    assert (login.session.id, "her phone") == (session["id"], session["device"])
    assert {"plan": "gold"} == document["custom_data"]
    details = [event["detail"] for event in document["events"] if event["detail"]]
    assert {"address": "192.0.2.7", "device": "her phone"} in [d.get("client") for d in details]


def test_t3_nothing_that_opens_anything_is_in_it(
    engine: admit.Engine, login: admit.LogIn, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a user with a password, a reset link under way, a session and a key,
    when she is exported,
    then no hash, digest, salt or token stands in it, nor a name that would announce one.
    """
    made = engine.api_keys.create(login.user, name="laptop")
    engine.reset(login.user)
    secrets = [inbox.last_link().token.reveal(), login.refresh_token.reveal(), PASSWORD]
    secrets.append(made.text.reveal())
    kept = [("user", login.user.id), ("session", login.session.id), ("api-key", made.key.id)]
    for kind, id in kept:
        record = store.get(kind, id)
        assert record is not None
        secrets += [t for t in texts(record.body) if t.startswith("$argon2") or len(t) == 43]

    document = engine.users.export(login.user)

    assert len(secrets) >= 7
    assert [] == [text for text in texts(document) if text in secrets]
    assert [] == [t for t in texts(document) if "digest" in t or t in ("private", "salt")]
    [key] = document["api_keys"]
    assert (made.key.id, "laptop", False) == (key["id"], key["name"], key["disabled"])


def test_a_long_history_is_exported_in_full(engine: admit.Engine, login: admit.LogIn) -> None:
    """More events than a page of them."""
    for _ in range(150):
        engine.disable(login.user)
        engine.enable(login.user)

    document = engine.users.export(login.user)

    assert len(engine.users.timeline(login.user)) == len(document["events"]) > 300


def test_that_it_was_taken_is_recorded(engine: admit.Engine, login: admit.LogIn) -> None:
    """By whom and why; and it stands in the document itself."""
    document = engine.acting(Actor("admin", "support"), "asked by letter").users.export(login.user)

    last = engine.users.timeline(login.user)[-1]
    assert ("export", Actor("admin", "support")) == (last.trigger, last.actor)
    assert "export" == document["events"][-1]["trigger"]


def test_who_is_gone_has_nothing_to_export(engine: admit.Engine, login: admit.LogIn) -> None:
    """It has to be taken first."""
    engine.delete(login.user)

    with pytest.raises(UserNotFound):
        engine.users.export(login.user.id)


def test_she_takes_her_own_with_a_fresh_log_in(engine: admit.Engine, login: admit.LogIn) -> None:
    """The same document as an admin gets."""
    hers = engine.public.export(access_token=login.access_token)

    assert login.user.id == hers["user"]["id"]
    assert {"plan": "gold"} == hers["custom_data"]


ACTS: dict[str, Any] = {
    "export": lambda public, token: public.export(access_token=token),
    "delete": lambda public, token: public.delete(access_token=token),
}


@pytest.mark.parametrize("act", ACTS)
def test_o6_export_and_delete_need_a_fresh_log_in(
    engine: admit.Engine, login: admit.LogIn, clock: SettableClock, act: str
) -> None:
    """
    Given a thief with an access token of an hour's session,
    when he asks for everything about her, or deletes her,
    then a fresh log-in is asked for, and nothing was done; with a new log-in it is.
    """
    clock.advance(timedelta(minutes=5, seconds=1))
    with pytest.raises(FreshLogInNeeded):
        ACTS[act](engine.public, login.access_token)
    assert login.user.id == engine.users.get(login.user.id).id

    again = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    ACTS[act](engine.public, again.access_token)


@pytest.mark.parametrize("act", ACTS)
def test_s3_a_dead_session_exports_and_deletes_nothing(
    engine: admit.Engine, login: admit.LogIn, act: str
) -> None:
    """Looked up, not only verified."""
    engine.log_out_all(login.user)

    with pytest.raises(SessionInvalid):
        ACTS[act](engine.public, login.access_token)
    assert login.user.id == engine.users.get(login.user.id).id


def test_a_user_deletes_her_account_inside_the_application(
    engine: admit.Engine, login: admit.LogIn
) -> None:
    """
    Given a user who logged in this moment,
    when she deletes her account with her access token,
    then she is gone, and her session with her.
    """
    engine.public.delete(access_token=login.access_token)

    with pytest.raises(UserNotFound):
        engine.users.get(login.user.id)
    with pytest.raises(SessionInvalid):
        engine.verify(login.access_token)


def test_a_session_reads_its_custom_data_as_it_is_now(
    engine: admit.Engine, login: admit.LogIn, clock: SettableClock
) -> None:
    """No fresh log-in for that; nothing for a session that has ended."""
    clock.advance(timedelta(minutes=20))
    engine.custom_data.set(login.user, {"plan": "silver"})
    assert {"plan": "silver"} == engine.public.custom_data(access_token=login.access_token)

    engine.log_out_all(login.user)
    with pytest.raises(SessionInvalid):
        engine.public.custom_data(access_token=login.access_token)


@pytest.mark.parametrize(
    ("chosen", "data", "claimed"),
    [
        (False, {"plan": "gold"}, None),
        (True, {"plan": "gold"}, {"plan": "gold"}),
        (True, {}, None),
        (True, {"a": "x" * 4088}, {"a": "x" * 4088}),
        (True, {"a": "x" * 4089}, None),
    ],
    ids=["not chosen", "chosen", "empty", "4096 bytes", "a byte too long"],
)
def test_an_access_token_carries_custom_data_only_if_chosen(
    engine: admit.Engine,
    login: admit.LogIn,
    chosen: bool,
    data: dict[str, object],
    claimed: object,
) -> None:
    """In the claim that existing clients read, left out when empty or too long; refreshed with
    the token."""
    engine.settings.set("custom_data_in_access_token", chosen)
    engine.custom_data.set(login.user, data)

    token = engine.refresh(login.refresh_token).access_token

    assert claimed == engine.verify(token).claims.get("user_data")
