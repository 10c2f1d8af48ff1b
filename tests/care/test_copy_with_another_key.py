"""A copy that is sealed with another engine key."""

from __future__ import annotations

from typing import Any, cast

import pytest
from cared_store import PASSWORD, Lived, StaysOpen, held, live

import admit
from admit import care
from admit.errors import CodeWrong, InvalidInput, SessionInvalid, StoreDamaged, WrongKey
from admit.stores import Change, Label, Put, Record
from admit.testing import KEY, MemoryStore, SettableClock
from admit.testing import open as open_engine
from admit.upkeep import Upkeep

NEW = bytes([7]) * 32


@pytest.fixture
def target() -> StaysOpen:
    """A store that a test opens with several keys, one after the other."""
    return StaysOpen()


def opened(store: Upkeep, lived: Lived, key: Any = NEW) -> admit.Engine:
    return admit.open(store, key=key, clock=lived.clock, worker=False)


def test_it_opens_with_the_new_key_and_no_other(
    source: MemoryStore, lived: Lived, target: StaysOpen
) -> None:
    """Its seals and its forgotten events verify with that alone."""
    lived.engine.delete(lived.ada)
    lived.let_a_year_pass()
    assert lived.engine.events.verify().forgotten > 0

    copied = care.copy(source, target, key=KEY, new_key=NEW)

    with pytest.raises(WrongKey):
        opened(target, lived, KEY)
    with opened(target, lived) as engine:
        assert copied.key_id in repr(care.keys_of(target, NEW))
        assert lived.engine.events.verify() == engine.events.verify()
        assert () == engine.events.verify().problems
    assert [] == list(care.check(target, care.keys_of(target, NEW), clock=lived.clock))


def test_only_seals_and_throttles_differ(
    source: MemoryStore, lived: Lived, target: StaysOpen
) -> None:
    """Counters of what strangers asked for cannot be found with another key, so they go."""
    care.copy(source, target, key=KEY, new_key=NEW)

    before, after = dict(held(source)), dict(held(target))
    assert 1 == len(before.pop("throttle"))
    for kind in ("seal", "secret"):
        assert len(before.pop(kind)) == len(after.pop(kind))
    assert before == after


def test_what_users_have_in_hands(source: MemoryStore, lived: Lived, target: StaysOpen) -> None:
    """
    Given a pending user with a link and a code, and one who is logged in,
    when their store is copied to one with another key,
    then links and passwords work with the new key alone; codes and tokens of sessions do with both.
    """
    message = lived.inbox.last("grace@example.com")
    link = lived.inbox.last_link().credentials
    [code] = [word for word in message.text.split() if len(word) == 9 and word[4] == "-"]
    care.copy(source, target, key=KEY, new_key=NEW)

    with opened(target, lived) as engine:
        with pytest.raises(CodeWrong):
            engine.confirm(address="grace@example.com", code=code)
        with pytest.raises(SessionInvalid):
            engine.verify(lived.login.access_token)
        with pytest.raises(SessionInvalid):
            engine.refresh(lived.login.refresh_token)
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    with opened(target, lived, [NEW, KEY]) as engine:
        assert lived.ada.id == engine.verify(lived.login.access_token).user_id
        engine.refresh(lived.login.refresh_token)
        assert "confirmed" == engine.confirm(**link).state


def test_keys_that_sign_tokens_are_sealed_again(
    source: MemoryStore, lived: Lived, target: StaysOpen
) -> None:
    """
    Given keys with which others verify access tokens, replaced once,
    when their store is copied to one with another engine key, and once more,
    then with that alone they are the same keys, and the second copy has nothing to write.
    """
    settings = {"access_token_algorithm": "ES256"}
    with open_engine(source, clock=lived.clock, settings=settings) as engine:
        engine.sessions.jwks()
        engine.sessions.rotate_keys()
        login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        published = engine.sessions.jwks()

        care.copy(source, target, key=KEY, new_key=NEW)
        again = care.copy(source, target, key=KEY, new_key=NEW)

    assert 0 == sum(kind.written for kind in again.kinds)
    with admit.open(target, key=NEW, clock=lived.clock, worker=False, settings=settings) as engine:
        assert published == engine.sessions.jwks()
        assert lived.ada.id == engine.verify(login.access_token).user_id
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_it_catches_up_under_the_new_key(
    source: MemoryStore, lived: Lived, target: StaysOpen
) -> None:
    """And says that it is another copy if it is asked to under the old one."""
    care.copy(source, target, key=KEY, new_key=NEW)
    lived.engine.create("new@example.com")
    lived.engine.work_once()

    copied = care.copy(source, target, key=KEY, new_key=NEW)

    did = {kind.kind: kind.written for kind in copied.kinds if kind.written}
    assert {"event": 3, "seal": 2, "user": 1} == did, "one seal and the head; what was sealed"
    assert {} == {
        kind.kind: kind.written
        for kind in care.copy(source, target, key=KEY, new_key=NEW).kinds
        if kind.written
    }
    with pytest.raises(InvalidInput, match="under another key"):
        care.copy(source, target)


def test_seals_of_older_keys_are_sealed_with_the_new_one(target: StaysOpen) -> None:
    """
    Given a store whose key was rotated in the midst of its life,
    when it is copied to one with a third key, given both of its own,
    then the third one alone verifies all of it.
    """
    source, middle = StaysOpen(), bytes([3]) * 32
    lived = live(source)
    lived.engine.close()
    with opened(source, lived, [middle, KEY]) as engine:
        engine.create("later@example.com")
        engine.work_once()

    with pytest.raises(StoreDamaged, match="key"):
        care.copy(source, target, key=middle, new_key=NEW)
    care.copy(source, target, key=[middle, KEY], new_key=NEW)

    with opened(target, lived) as engine:
        assert () == engine.events.verify().problems


def test_the_same_key_as_the_new_one_is_a_plain_copy(
    source: MemoryStore, lived: Lived, target: StaysOpen
) -> None:
    """Nothing to seal anew."""
    care.copy(source, target, key=KEY, new_key=KEY)

    assert held(source) == held(target)


def test_the_old_key_must_be_the_stores(
    source: MemoryStore, lived: Lived, target: StaysOpen
) -> None:
    """Or nothing could be verified before it is sealed anew."""
    with pytest.raises(WrongKey):
        care.copy(source, target, key=NEW, new_key=KEY)
    with pytest.raises(WrongKey):
        care.copy(source, target, new_key=NEW)

    assert {} == held(target)


def _edit_an_event(store: MemoryStore) -> None:
    event = store.events(sequence_after=0).items[2]
    cast(dict[str, Any], event.body)["trigger"] = "edited"


def _remove_an_event(store: MemoryStore) -> None:
    store.commit(Change(forget=(store.events(sequence_after=0).items[2].id,)))


def _forge_a_seal(store: MemoryStore) -> None:
    seal = store.page("seal", "seal").items[0]
    cast(dict[str, Any], seal.body)["mac"] = "00" * 32


def _claim_to_have_forgotten(store: MemoryStore) -> None:
    body = {"events": ["1" * 24], "key": store.page("seal", "seal").items[0].body["key"]}
    put = Put("forgotten", "1" * 24, {**body, "mac": "00"}, None, (), (Label("forgotten", ""),))
    store.commit(Change(put=(put,)))


@pytest.mark.parametrize(
    "tamper", [_edit_an_event, _remove_an_event, _forge_a_seal, _claim_to_have_forgotten]
)
def test_a3_a_new_key_vouches_for_nothing_that_was_changed(
    source: MemoryStore, lived: Lived, target: StaysOpen, tamper: Any
) -> None:
    """
    Given a store that somebody without its key has edited,
    when it is to be sealed with another key, which would hide that,
    then it is refused, and no engine opens what there may be of a copy.
    """
    tamper(source)

    with pytest.raises(StoreDamaged, match="no other key may vouch for it"):
        care.copy(source, target, key=KEY, new_key=NEW)

    with pytest.raises(admit.AdmitError), opened(target, lived) as engine:
        engine.users.find("ada@example.com")


def test_a_secret_that_cannot_be_sealed_anew_is_named(
    source: MemoryStore, lived: Lived, target: StaysOpen
) -> None:
    """Copying it as it is would lose it."""
    source.commit(Change(put=(Put("secret", "1" * 24, {"sealed": "…"}, None, ("secret:x",)),)))

    with pytest.raises(InvalidInput, match="cannot be sealed with another key"):
        care.copy(source, target, key=KEY, new_key=NEW)


def test_a_store_without_seals_has_nothing_to_seal(target: StaysOpen) -> None:
    """One that has just begun."""
    source = StaysOpen()
    admit.open(source, key=KEY, clock=SettableClock(), worker=False).close()

    care.copy(source, target, key=KEY, new_key=NEW)

    [secret] = held(target)["secret"]
    assert isinstance(secret, Record)
    assert care.keys_of(target, NEW).id == secret.body["key_id"]
