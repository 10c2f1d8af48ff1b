"""T4: a token works once, for one purpose, one user, one address."""

from __future__ import annotations

import pytest

from admit import Engine
from admit.errors import (
    CodeWrong,
    TokenSuperseded,
    TokenUnknown,
    TokenUsed,
)
from admit.testing import Inbox

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "another horse, another staple"


def test_t4_a_confirmation_token_used_for_reset_is_unknown(engine: Engine, inbox: Inbox) -> None:
    """Given a confirmation link, when its token is used to set a password, then it is unknown, the
    password stays, and the link still confirms."""
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()

    with pytest.raises(TokenUnknown):
        engine.set_password(**link.credentials, password=OTHER_PASSWORD)

    engine.confirm(**link.credentials)
    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_t4_a_reset_token_used_for_confirmation_is_unknown(engine: Engine, inbox: Inbox) -> None:
    """Given a pending user's reset link, when its token is used to confirm, then it is unknown and
    the user stays pending."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.reset(ada)

    with pytest.raises(TokenUnknown):
        engine.confirm(**inbox.last_link().credentials)

    assert "pending" == engine.users.get(ada.id).state


def test_t4_a_confirmation_code_used_for_reset_is_wrong(engine: Engine, inbox: Inbox) -> None:
    """Given a confirmation code, when it is typed to set a password, then it is wrong."""
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(CodeWrong):
        engine.set_password(
            address="ada@example.com", code=inbox.last_code(), password=OTHER_PASSWORD
        )


def test_t4_a_reset_code_used_for_confirmation_is_wrong(engine: Engine, inbox: Inbox) -> None:
    """Given a reset code, when it is typed to confirm, then it is wrong."""
    engine.reset(engine.register("ada@example.com", PASSWORD))

    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=inbox.last_code())


def test_t4_a_reset_token_works_once(engine: Engine, inbox: Inbox) -> None:
    """Given a reset link that was used, when it is used again, then it says so and the first
    password stays."""
    engine.reset(engine.confirm_manually(engine.register("ada@example.com", PASSWORD)))
    link = inbox.last_link()
    engine.set_password(**link.credentials, password=OTHER_PASSWORD)

    with pytest.raises(TokenUsed):
        engine.set_password(**link.credentials, password=PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


def test_t4_a_reset_code_works_once(engine: Engine, inbox: Inbox) -> None:
    """Given a reset code that was used, when it is typed again, then nothing is set."""
    engine.reset(engine.confirm_manually(engine.register("ada@example.com", PASSWORD)))
    code = inbox.last_code()
    engine.set_password(address="ada@example.com", code=code, password=OTHER_PASSWORD)

    with pytest.raises((TokenUsed, CodeWrong)):
        engine.set_password(address="ada@example.com", code=code, password=PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=OTHER_PASSWORD)


def test_t4_the_token_kills_its_code_and_the_code_its_token(engine: Engine, inbox: Inbox) -> None:
    """Given a reset message whose link was used, when its code is typed, then nothing is set."""
    engine.reset(engine.confirm_manually(engine.register("ada@example.com", PASSWORD)))
    link, code = inbox.last_link(), inbox.last_code()
    engine.set_password(address="ada@example.com", code=code, password=OTHER_PASSWORD)

    with pytest.raises(TokenUsed):
        engine.set_password(**link.credentials, password=PASSWORD)


def test_t4_pressing_a_confirmation_twice_changes_nothing_more(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a link that was pressed, when it is pressed again, then it is a success and the user is
    exactly as before."""
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()
    first = engine.confirm(**link.credentials)

    assert first == engine.confirm(**link.credentials)


def test_t4_a_token_with_another_runs_id_is_unknown(engine: Engine, inbox: Inbox) -> None:
    """Given the links of two users, when the token of the one is used with the token id of the
    other, then it is unknown for both."""
    engine.register("ada@example.com", PASSWORD)
    ada = inbox.last_link()
    engine.register("grace@example.com", PASSWORD)
    grace = inbox.last_link()

    for token_id, token in ((ada.token_id, grace.token), (grace.token_id, ada.token)):
        with pytest.raises(TokenUnknown):
            engine.confirm(token_id=token_id, token=token)

    assert 2 == engine.users.count("pending")


def test_t4_a_token_is_for_one_address_alone(engine: Engine, inbox: Inbox) -> None:
    """Given a link sent to a mistyped address, when the address was corrected since, then the
    stranger who got the mail has a dead link, and the new one confirms."""
    ada = engine.register("ada@exmaple.com", PASSWORD)
    link, code = inbox.last_link(), inbox.last_code()
    engine.correct_address(ada, to="ada@example.com")

    with pytest.raises(TokenSuperseded):
        engine.confirm(**link.credentials)
    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=code)

    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_t4_a_reset_link_to_a_mistyped_address_dies_with_its_correction(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a reset link sent to a mistyped address, when the address was corrected since, then the
    link sets no password."""
    ada = engine.register("ada@exmaple.com", PASSWORD)
    engine.reset(ada)
    link = inbox.last_link()
    engine.correct_address(ada, to="ada@example.com")

    with pytest.raises(TokenSuperseded):
        engine.set_password(**link.credentials, password=OTHER_PASSWORD)


def test_t4_deleting_and_registering_again_kills_every_earlier_token(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given a user with a confirmation and a reset link,
    when she is deleted and the address registers again,
    then neither the old links nor the old codes open the new account.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    confirmation, code = inbox.last_link(), inbox.last_code()
    engine.reset(ada)
    reset, reset_code = inbox.last_link(), inbox.last_code()
    engine.delete(ada)
    new = engine.register("ada@example.com", OTHER_PASSWORD)

    with pytest.raises(TokenUnknown):
        engine.confirm(**confirmation.credentials)
    with pytest.raises(TokenUnknown):
        engine.set_password(**reset.credentials, password=PASSWORD)
    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=code)
    with pytest.raises(CodeWrong):
        engine.set_password(address="ada@example.com", code=reset_code, password=PASSWORD)
    assert "pending" == engine.users.get(new.id).state


def test_t4_a_token_cut_or_changed_anywhere_is_no_token(engine: Engine, inbox: Inbox) -> None:
    """Given a good link, when any one of its digits is another, then it confirms nobody."""
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link()
    good = link.token.reveal()

    for place in range(0, 128, 7):
        changed = good[:place] + ("0" if good[place] != "0" else "1") + good[place + 1 :]
        with pytest.raises(TokenUnknown):
            engine.confirm(token_id=link.token_id, token=changed)

    assert "pending" == engine.users.get(ada.id).state
