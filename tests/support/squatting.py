"""A squatter with an address of somebody else, and what is left of him."""

from __future__ import annotations

import re
from collections.abc import Callable

from told_providers import told

from admit import Engine, LogIn, User
from admit.errors import LogInRefused, SessionInvalid
from admit.testing import Inbox

ADDRESS = "victim@example.com"
ATTACKERS = "the password of the attacker"
VICTIMS = "the password of the victim"


def log_in(engine: Engine, password: str, address: str = ADDRESS) -> LogIn:
    return engine.log_in("local-userpass", username=address, password=password)


def opens(engine: Engine, password: str) -> bool:
    """Whether a password opens an account by the address."""
    try:
        log_in(engine, password)
    except LogInRefused:
        return False
    return True


def is_dead(engine: Engine, login: LogIn) -> bool:
    """Whether neither token of a log-in opens anything."""
    dead = 0
    for use in (
        lambda: engine.verify(login.access_token),
        lambda: engine.refresh(login.refresh_token),
    ):
        try:
            use()
        except SessionInvalid:
            dead += 1
    assert dead in (0, 2), "a session ends whole"
    return dead == 2


def squatted(engine: Engine) -> LogIn:
    """The attacker's account with the victim's address, which an application that confirms without
    proof let him use."""
    engine.confirm_manually(engine.register(ADDRESS, ATTACKERS))
    return log_in(engine, ATTACKERS)


def link(engine: Engine, login: LogIn, provider: str, **credentials: object) -> User:
    return engine.public.identities.link(login.access_token, provider, **credentials)


def by_confirming(engine: Engine, inbox: Inbox) -> User:
    """The link that was mailed at the registration, pressed late."""
    token, token_id = (
        re.search(rf"\b{name}=([0-9a-f]+)", inbox.messages[0].text) for name in ("token", "tokenId")
    )
    assert token is not None
    assert token_id is not None
    return engine.confirm(token=token[1], token_id=token_id[1])


def by_reset(engine: Engine, inbox: Inbox) -> User:
    """A reset that she asked for."""
    engine.public.reset(address=ADDRESS)
    engine.work_once()
    return engine.public.set_password(**inbox.last_link(ADDRESS).credentials, password=VICTIMS)


PROOFS: dict[str, Callable[[Engine, Inbox], User]] = {"confirm": by_confirming, "reset": by_reset}


PROOFS_AND_LINK: dict[str, Callable[[Engine, Inbox], User]] = {
    **PROOFS,
    "link": lambda engine, inbox: engine.identities.link(
        engine.users.find(ADDRESS), "told", **told("victim", ADDRESS, True)
    ),
}


def with_a_login_of_hers(engine: Engine, inbox: Inbox, login: LogIn) -> User:
    """A login of its own address, which its owner has proved."""
    mine = engine.public.identities
    mine.add_login(access_token=login.access_token, login=ADDRESS, password=VICTIMS)
    engine.work_once()
    return mine.confirm_address(
        access_token=login.access_token, **inbox.last_link(ADDRESS).credentials
    )
