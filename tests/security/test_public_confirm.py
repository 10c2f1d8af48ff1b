"""H7: who confirms on the public face brings the password that she is to have."""

from __future__ import annotations

import pytest

from admit import Engine
from admit.errors import LogInRefused, PasswordRefused
from admit.testing import Inbox

ADDRESS = "victim@example.com"
ATTACKERS = "the password of the attacker"
VICTIMS = "the password of the victim"


def opens(engine: Engine, password: str) -> bool:
    """Whether a password opens the account of the address."""
    try:
        engine.log_in("local-userpass", username=ADDRESS, password=password)
    except LogInRefused:
        return False
    return True


def test_h7_public_confirm_with_another_password_replaces_the_stored_one(
    engine: Engine, inbox: Inbox
) -> None:
    """Given the attacker's registration, when the victim presses its link on our page, which asks
    for a password, then hers is the one that opens."""
    engine.register(ADDRESS, ATTACKERS)

    user = engine.public.confirm(**inbox.last_link().credentials, password=VICTIMS)

    assert "confirmed" == user.state
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_public_confirm_by_code_replaces_it_as_well(engine: Engine, inbox: Inbox) -> None:
    """Given the attacker's registration, when the victim types its code with her password, then
    hers is the one that opens."""
    engine.register(ADDRESS, ATTACKERS)

    engine.public.confirm(address=ADDRESS, code=inbox.last_code(), password=VICTIMS)

    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_public_confirm_with_the_stored_password_keeps_it(engine: Engine, inbox: Inbox) -> None:
    """Given a user's own registration, when she presses the link with the password of then, then
    its hash is as it was."""
    before = engine.register(ADDRESS, VICTIMS).identities[0].private

    user = engine.public.confirm(**inbox.last_link().credentials, password=VICTIMS)

    assert before == user.identities[0].private


def test_h7_public_confirm_needs_a_password(engine: Engine, inbox: Inbox) -> None:
    """Given a link, when it is pressed without a password, then Python refuses the call."""
    engine.register(ADDRESS, ATTACKERS)

    with pytest.raises(TypeError, match="password"):
        engine.public.confirm(**inbox.last_link().credentials)

    assert "pending" == engine.users.find(ADDRESS).state


def test_h7_public_confirm_refuses_a_bad_password_and_keeps_the_link_good(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a link, when the password given with it is refused, then nobody is confirmed, and with
    a better one the link works."""
    engine.register(ADDRESS, ATTACKERS)
    link = inbox.last_link()

    for bad in ("password", ADDRESS, "short"):
        with pytest.raises(PasswordRefused):
            engine.public.confirm(**link.credentials, password=bad)
    assert "pending" == engine.users.find(ADDRESS).state

    engine.public.confirm(**link.credentials, password=VICTIMS)
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_the_first_press_replaces_the_password_of_who_was_confirmed_by_hand(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a registration by an attacker that an admin confirmed by hand, when the owner of the
    mailbox presses the link with her own password, then hers holds and his is gone."""
    user = engine.register(ADDRESS, ATTACKERS)
    link = inbox.last_link()
    engine.confirm_manually(user)

    proved = engine.public.confirm(**link.credentials, password=VICTIMS)

    assert proved.address is not None
    assert proved.address.proved_at is not None
    assert (True, False) == (opens(engine, VICTIMS), opens(engine, ATTACKERS))


def test_h7_a_second_press_changes_no_password(engine: Engine, inbox: Inbox) -> None:
    """Given a user who proved her address, when the link is pressed again with another password,
    then the password stays: that would be a reset."""
    engine.register(ADDRESS, VICTIMS)
    link = inbox.last_link()
    engine.public.confirm(**link.credentials, password=VICTIMS)

    engine.public.confirm(**link.credentials, password="another one entirely")

    assert opens(engine, VICTIMS)


def test_h7_a_user_registered_without_a_password_sets_one_by_confirming(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a registration without a password, when its link is pressed with one, then it opens."""
    engine.register(ADDRESS)

    engine.public.confirm(**inbox.last_link().credentials, password=VICTIMS)

    assert opens(engine, VICTIMS)


def test_h7_the_trusted_confirm_activates_what_is_stored(engine: Engine, inbox: Inbox) -> None:
    """Given a registration, when the application itself confirms by its link, then the stored
    password opens: that face tells the truth, and says so in its documentation."""
    engine.register(ADDRESS, ATTACKERS)

    engine.confirm(**inbox.last_link().credentials)

    assert opens(engine, ATTACKERS)
    assert "Activates the password that is stored" in (Engine.confirm.__doc__ or "")
