"""Users who register with a phone number (`phone`), confirmed by a text message (`sms`).

The gateway is a fake: a folder, each message a JSON file in it. A real one is a call over the
network at the same place.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs

import admit
from admit.errors import DeliveryFailed, InvalidInput, NotConfigured
from admit.flows import ConfirmationFlow
from admit.masked import Secret
from admit.providers import Credentials, Provider
from admit.records import Identity
from admit.settings import NOT_IN_STORE

_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
"""ITU-T E.164: a plus sign and at most fifteen digits."""
_NOBODY: Final = "+"
"""A login key that no number can be."""
_HASH: Final = "hash"


@attrs.frozen
class SmsSettings:
    """The section `sms`."""

    outbox: Path | None = admit.setting(
        None, "The folder that is the gateway; it must exist.", where=NOT_IN_STORE
    )
    link_base: str | None = admit.setting(
        None, "The page that the link opens; tokenId and token are added."
    )
    text: str = admit.setting("Confirm your number: {link}", "The message; {link} stands for it.")
    time_limit: timedelta = admit.setting(
        timedelta(seconds=10),
        "How long the gateway may take.",
        minimum=timedelta(seconds=1),
        maximum=timedelta(minutes=1),
    )


class Sms:
    """Sends a link to the phone number that the user registered with.

    It shows who has the phone, and proves nothing about an e-mail address.
    """

    name = "sms"
    resends = True

    def limit_seconds(self, services: admit.Services) -> float:
        """Return `sms.time_limit`."""
        return services.settings(SmsSettings).time_limit.total_seconds()

    def check(self, services: admit.Services) -> None:
        """Return if a message could be sent. Raises NotConfigured, naming what is missing."""
        settings = services.settings(SmsSettings)
        missing = [name for name in ("outbox", "link_base") if getattr(settings, name) is None]
        if missing:
            raise NotConfigured("The flow 'sms'", [f"sms.{name}" for name in missing])

    def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        """Hand a message to the gateway.

        Raises:
            DeliveryFailed: the login is no phone number; or, temporary, the gateway is away.
        """
        self.check(services)
        number = canonical_number(entry.username)
        if number is None:
            raise DeliveryFailed("This login is no phone number.", temporary=False)
        settings = services.settings(SmsSettings)
        link = f"{settings.link_base}?tokenId={entry.token_id}&token={entry.token.reveal()}"
        message = {"to": number, "text": settings.text.replace("{link}", link)}
        try:
            # The key makes the name: a repeated attempt is another message, a repeated call is not.
            _write(Path(settings.outbox or "") / f"{entry.idempotency_key}.json", message)
        except OSError as problem:
            raise DeliveryFailed(
                f"The gateway is away: {type(problem).__name__}.", temporary=True
            ) from problem
        return admit.Outcome.pending()


class Phone:
    """Phone number and password. The login key is the number without what people put into it."""

    name = "phone"
    inline = True  # it does no I/O but hashing

    def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        """Return whose number it claims to be; what is no number claims to be nobody's (E1).

        Raises:
            InvalidInput: `number` or `password` is missing or no text.
        """
        number = credentials.get("number")
        if not isinstance(number, str):
            raise InvalidInput("number", "must be text.", "Give the phone number.")
        _password(credentials)
        return admit.Claim(login_key=canonical_number(number) or _NOBODY)

    def check(
        self, credentials: Credentials, identity: Identity | None, services: admit.Services
    ) -> admit.Check:
        """Compare the password; nobody's costs as much as somebody's (E4)."""
        password = _password(credentials)
        if not self.verify_private(password, identity, services) or identity is None:
            return admit.Check(accepted=False)
        if services.needs_rehash(identity.private[_HASH]):
            return admit.Check(accepted=True, private=self.private_data(password, services))
        return admit.Check(accepted=True)

    def new_identity(
        self, request: admit.RegistrationRequest, services: admit.Services
    ) -> admit.NewIdentity:
        """Return the identity of a number. Raises InvalidInput: it is none."""
        number = canonical_number(request.login)
        if number is None:
            raise InvalidInput("login", "is no phone number.", "Write it like +44 20 7946 0018.")
        return admit.NewIdentity(login_key=number, data={**request.data, "number": number})

    def private_data(self, password: Secret, services: admit.Services) -> Mapping[str, str]:
        """Return the password's hash."""
        return {_HASH: services.hash_password(password)}

    def verify_private(
        self, password: Secret, identity: Identity | None, services: admit.Services
    ) -> bool:
        """Return whether the password belongs to the hash; nobody's costs as much."""
        hashed = None if identity is None else identity.private.get(_HASH)
        return services.verify_password(password, hashed)


def canonical_number(text: str) -> str | None:
    """Return a phone number as `+` and its digits, or None if it is none."""
    number = re.sub(r"[\s().-]", "", text)
    return number if _E164.fullmatch(number) and number.isascii() else None


def _password(credentials: Credentials) -> Secret:
    password = credentials.get("password")
    if isinstance(password, str):
        return Secret(password)
    if isinstance(password, Secret):
        return password
    raise InvalidInput("password", "must be text.")  # and never quote it


def _write(path: Path, message: Mapping[str, str]) -> None:
    """Write a file that appears whole, readable by us alone: there is a token in it."""
    hidden = path.with_name(f".{path.name}.tmp")
    with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(message, file)
    hidden.replace(path)


@admit.hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `sms`."""
    return {"sms": SmsSettings}


@admit.hookimpl
def register_confirmation_flows() -> Iterable[ConfirmationFlow]:
    """Offer `sms`."""
    return [Sms()]


@admit.hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `phone`."""
    return [Phone()]
