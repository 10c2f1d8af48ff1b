"""T9: which addresses are the same, which are refused, and where messages go."""

from __future__ import annotations

import pytest

from admit import Engine
from admit.errors import AddressTaken, InvalidAddress, UserNotFound
from admit.testing import Inbox

PASSWORD = "correct horse battery staple"

LOOK_ALIKES = {
    "dotless-i": "adm\u0131n@example.com",
    "dotted-capital-i": "adm\u0130n@example.com",
    "full-width": "\uff41da@example.com",
    "full-width-at": "ada\uff20example.com",
    "full-width-domain": "ada@ex\uff41mple.com",
    "kelvin-sign": "\u212aelvin@example.com",
    "kelvin-sign-in-the-domain": "ada@\u212aelvin.example",
    "ohm-sign": "\u2126@example.com",
    "angstrom-sign": "\u212bda@example.com",
    "long-s": "\u017fam@example.com",
    "long-s-in-the-domain": "ada@\u017fam.example",
    "ligature": "\ufb01ona@example.com",
    "ligature-in-the-domain": "ada@\ufb01ne.example",
    "decomposed": "jose\u0301@example.com",
    "decomposed-domain": "ada@bu\u0308cher.example",
    "superscript": "ada\u00b2@example.com",
    "right-to-left-mark": "ada\u200f@example.com",
    "right-to-left-override": "\u202eada@example.com",
    "isolate": "\u2066ada\u2069@example.com",
    "bidi-in-the-domain": "ada@exam\u200eple.com",
    "zero-width-space": "a\u200bda@example.com",
    "zero-width-joiner": "a\u200dda@example.com",
    "zero-width-in-the-domain": "ada@exam\u200bple.com",
    "byte-order-mark": "\ufeffada@example.com",
    "soft-hyphen": "a\u00adda@example.com",
    "soft-hyphen-in-the-domain": "ada@exam\u00adple.com",
    "grapheme-joiner": "a\u034fda@example.com",
    "grapheme-joiner-in-the-domain": "ada@exam\u034fple.com",
    "variation-selector": "ada\ufe0f@example.com",
    "hangul-filler": "a\u3164da@example.com",
    "braille-blank": "ada\u2800@example.com",
    "trailing-dot": "ada@example.com.",
}


@pytest.mark.parametrize("typed", LOOK_ALIKES.values(), ids=LOOK_ALIKES.keys())
def test_t9_a_look_alike_of_an_address_is_refused_at_registration(
    engine: Engine, inbox: Inbox, typed: str
) -> None:
    """
    Given an address that is written with other letters than those it is compared by,
    when somebody registers it,
    then it is refused by name, nobody is registered and no mail goes out.
    """
    with pytest.raises(InvalidAddress) as refused:
        engine.register(typed, PASSWORD)

    assert "address" == refused.value.field
    assert 0 == engine.users.count()
    assert [] == inbox.messages


@pytest.mark.parametrize("typed", LOOK_ALIKES.values(), ids=LOOK_ALIKES.keys())
def test_t9_a_look_alike_finds_nobody(engine: Engine, typed: str) -> None:
    """
    Given the users whom a careless comparison would find,
    when a look-alike of their address is asked for,
    then it is refused instead of leading to one of them.
    """
    for victim in ("ada", "admin", "kelvin", "sam", "fiona"):
        engine.register(f"{victim}@example.com", PASSWORD)

    with pytest.raises(InvalidAddress):
        engine.users.find(typed)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@B\u00dcCHER.example", "ada@XN--BCHER-KVA.EXAMPLE"),
        ("ada@\u4f8b\u3048.example", "ada@xn--r8jz45g.example"),
        ("ada@example\u3002com", "ada@example.com"),
        ("JOS\u00c9@example.com", "jos\u00e9@example.com"),
    ],
    ids=["case", "idn", "idn-in-capitals", "idn-japanese", "ideographic-dot", "accented-case"],
)
def test_t9_case_and_idn_form_make_no_second_address(
    engine: Engine, first: str, second: str
) -> None:
    """
    Given a user,
    when somebody registers the same mailbox in another case or IDN form,
    then the address is taken, and either form finds the user.
    """
    user = engine.register(first, PASSWORD)

    with pytest.raises(AddressTaken):
        engine.register(second, PASSWORD)

    assert user.id == engine.users.find(first).id
    assert user.id == engine.users.find(second).id


def test_t9_letters_of_another_script_are_another_address(engine: Engine) -> None:
    """A Cyrillic а is no Latin one: two addresses, two users, neither found by the other."""
    latin = engine.register("ada@example.com", PASSWORD)
    cyrillic = engine.register("\u0430d\u0430@example.com", PASSWORD)

    assert latin.id == engine.users.find("ada@example.com").id
    assert cyrillic.id == engine.users.find("\u0430d\u0430@example.com").id
    assert latin.id != cyrillic.id


@pytest.mark.parametrize("asked", ["ada.lovelace@example.com", "ADA.LOVELACE@EXAMPLE.COM"])
def test_t9_a_message_goes_to_the_stored_address_byte_for_byte(
    engine: Engine, inbox: Inbox, asked: str
) -> None:
    """
    Given a user who typed her address in her own way,
    when messages are asked for with the address in another case, from inside and by a stranger,
    then each goes to the address as she typed it.
    """
    stored = "Ada.LoveLace@Example.com"
    engine.register(stored, PASSWORD)

    engine.rerun(address=asked)
    engine.resend(address=asked)
    engine.reset(address=asked)
    engine.public.resend(address=asked)
    engine.work_once()
    engine.public.register(asked, PASSWORD)
    engine.work_once()

    assert 6 == len(inbox.messages)
    assert {stored} == {message.to for message in inbox.messages}


def test_t9_an_idn_address_is_kept_and_written_to_as_it_was_typed(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a registration in Unicode, when it is re-run by the ASCII form, then the message goes
    to the form that was typed."""
    engine.register("ada@B\u00fccher.example", PASSWORD)

    engine.rerun(address="ada@xn--bcher-kva.example")

    assert "ada@B\u00fccher.example" == inbox.last().to


def test_t9_a_correction_is_checked_like_a_registration(engine: Engine) -> None:
    """Given a pending user, when the address is corrected to a look-alike of somebody's, then it
    is refused and the old one stays."""
    user = engine.register("ada@example.com", PASSWORD)

    with pytest.raises(InvalidAddress) as refused:
        engine.correct_address(user, to="\u212aelvin@example.com")

    assert "to" == refused.value.field
    assert user == engine.users.get(user.id)


def test_t9_a_request_only_finds_and_never_changes_the_address(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given a confirmed user,
    when a stranger asks for a reset with a plus-address and a dotted form of hers,
    then these find nobody: no provider's own rules are guessed.
    """
    engine.confirm_manually(engine.register("ada@example.com", PASSWORD))
    sent = len(inbox.messages)

    engine.public.reset(address="ada+x@example.com")
    engine.public.reset(address="a.da@example.com")
    engine.work_once()

    assert sent == len(inbox.messages)
    with pytest.raises(UserNotFound):
        engine.users.find("a.da@example.com")
