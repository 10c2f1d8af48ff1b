"""The flows `email`: a message with a link and a code, to the address of the user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from email.utils import parseaddr
from typing import Final

import attrs

from admit.errors import DeliveryFailed, InvalidSetting, NotConfigured
from admit.flows import ConfirmationFlow, Entry, Outcome, ResetFlow
from admit.hookspecs import hookimpl
from admit.records import Purpose
from admit.services import Services
from admit.settings import setting
from admit.transports import Message

MAX_SUBJECT_CHARACTERS: Final = 256
"""wire-contract.md §5."""


@attrs.frozen
class EmailSettings:
    """The section `email`."""

    sender: str | None = setting(
        None, "Who messages come from: hello@example.com, or Example <hello@example.com>."
    )
    application: str | None = setting(None, "What the messages call your application.")
    link_base: str | None = setting(
        None, "The page that a confirmation link opens; token and tokenId are added."
    )
    reset_link_base: str | None = setting(
        None, "The page that a reset link opens; none: link_base, with purpose=reset added."
    )
    subject: str = setting("Confirm your e-mail address", "The subject of a confirmation.")
    reset_subject: str = setting("Choose a new password", "The subject of a reset.")
    notice_subject: str = setting("About your account", "The subject of a notice.")
    time_limit: timedelta = setting(
        timedelta(seconds=30),
        "How long sending one message may take.",
        minimum=timedelta(seconds=1),
        maximum=timedelta(minutes=5),
    )


_NOTICES: Final[Mapping[str, str]] = {
    "already-registered": "Somebody tried to register with this address,"
    " but you already have an account.",
    "already-confirmed": "Somebody asked to confirm this address, but it is confirmed already.",
    "password-changed": "The password of your account was changed.",
    "address-changed": "The e-mail address of your account was changed,"
    " and messages will go to the new one.",
    "change-address": "Somebody asked to give your account another e-mail address.",
    "merged": "Your account was merged with another one into a single account.",
    "identity-linked": "Another way to log in was added to your account.",
    "address-linked": "By a way to log in that was linked just now, this address was added"
    " to an account that has another address as well.",
    "identity-unlinked": "A way to log in was removed from your account.",
    "disabled": "Your account was disabled.",
    "leaving": "Your account is being deleted. If that is not what you want, log in soon.",
    "deleted": "Your account was deleted.",
}
_OTHER_NOTICE: Final = "Something about your account has changed."

_HARMLESS_NOTICES: Final = frozenset({"already-registered", "already-confirmed"})
"""Those after which nothing has changed."""


class Email:
    """Sends the link and the code of an entry, or a notice without either.

    Message templates (`confirm`, `reset`, `change-address`, `notice`, each `.txt.j2` and
    `.html.j2`; `layout.html.j2` and `link_and_code.html.j2` are parts of them) are replaced by
    files of these names in the folder of the setting `templates`. They see `subject`,
    `application`, `username`, `purpose`, `reason`, `locale`; a notice also `sentence` and
    `harmless`, all others `link`, `code`, `valid_for`, `expires_at`.
    """

    name = "email"
    resends = rehearsable = True
    proves_address = True

    def __init__(self, *links: str) -> None:
        """Make a flow that takes its links from one of the settings *links*. When none is there,
        the last is named as missing."""
        self._links = links

    def limit_seconds(self, services: Services) -> float:
        """Return `email.time_limit`."""
        return services.settings(EmailSettings).time_limit.total_seconds()

    def check(self, services: Services) -> None:
        """Return if a message could be written and sent.

        Raises:
            NotConfigured: settings are missing; all of them are named.
            InvalidSetting: one cannot be used: a link base that is no address of a page, a sender
                that is no mailbox, a subject that is too long or has a line break.
        """
        settings = services.settings(EmailSettings)
        missing = [] if settings.sender else ["email.sender"]
        if not any(getattr(settings, name) for name in self._links):
            missing.append(f"email.{self._links[-1]}")
        try:
            services.check_transport()
        except NotConfigured as problem:
            missing.extend(problem.settings)
        if missing:
            raise NotConfigured("The flow 'email'", missing)
        _check_values(settings)

    def begin(self, entry: Entry, services: Services) -> Outcome:
        """Send the message to `entry.username`, byte for byte (security.md T9).

        Raises:
            DeliveryFailed: it was not taken, or the login is no e-mail address.
            NotConfigured: settings are missing.
            PluginFailed: a template is missing or breaks.
        """
        settings = services.settings(EmailSettings)
        if settings.sender is None:
            raise NotConfigured("The flow 'email'", ["email.sender"])
        if "@" not in entry.username:
            raise DeliveryFailed("This login is no e-mail address.", temporary=False)
        values = _values(entry, settings, services)
        services.send(
            Message(
                to=entry.username,
                sender=settings.sender,
                subject=str(values["subject"]),
                text=services.render(f"{entry.purpose}.txt.j2", values, package="admit.plugins"),
                html=services.render(f"{entry.purpose}.html.j2", values, package="admit.plugins"),
                idempotency_key=entry.idempotency_key,
            )
        )
        return Outcome.pending()


def link_to(base: str, parameters: Mapping[str, str]) -> str:
    """Return *base* with *parameters* added to its query, before a fragment if it has one.

    The values must need no escaping: ours are hex digits and plain words.
    """
    page, hash_sign, fragment = base.partition("#")
    joint = "" if page.endswith(("?", "&")) else "&" if "?" in page else "?"
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"{page}{joint}{query}{hash_sign}{fragment}"


def in_words(duration: timedelta) -> str:
    """Return *duration* as people say it, to the minute: `30 minutes`, `1 hour and 5 minutes`."""
    minutes = max(1, round(duration / timedelta(minutes=1)))
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [
        f"{number} {unit if number == 1 else unit + 's'}"
        for number, unit in ((days, "day"), (hours, "hour"), (minutes, "minute"))
        if number
    ]
    return " and ".join(parts[:2])


def _values(entry: Entry, settings: EmailSettings, services: Services) -> dict[str, object]:
    subjects: Mapping[Purpose, str] = {
        "reset": settings.reset_subject,
        "notice": settings.notice_subject,
    }
    values: dict[str, object] = {
        "subject": subjects.get(entry.purpose, settings.subject),
        "application": settings.application,
        "username": entry.username,
        "purpose": entry.purpose,
        "reason": entry.reason,
        "locale": entry.locale,
    }
    if entry.purpose == "notice":
        return values | {
            "sentence": _NOTICES.get(entry.reason, _OTHER_NOTICE),
            "harmless": entry.reason in _HARMLESS_NOTICES,
        }
    return values | {
        "link": _link(entry, settings),
        "code": entry.code.reveal(),
        "valid_for": in_words(entry.expires_at - services.clock.now()),
        "expires_at": entry.expires_at,
    }


def _link(entry: Entry, settings: EmailSettings) -> str:
    parameters = {"token": entry.token.reveal(), "tokenId": str(entry.token_id)}
    if entry.purpose == "reset" and settings.reset_link_base:
        return link_to(settings.reset_link_base, parameters)
    if not settings.link_base:
        raise NotConfigured("The flow 'email'", ["email.link_base"])
    # One page for all purposes has to be told which one: a token works for its own only (T4).
    if entry.purpose != "confirm":
        parameters["purpose"] = entry.purpose
    return link_to(settings.link_base, parameters)


_PAGE: Final = re.compile(r"(?!javascript:|data:)[a-z][a-z0-9+.-]*://[^\s\"<>\\]+", re.IGNORECASE)
"""An absolute URL, also of an app's own scheme."""


def _check_values(settings: EmailSettings) -> None:
    for name in ("link_base", "reset_link_base"):
        base = getattr(settings, name)
        if base and not (_PAGE.fullmatch(base) and base.isprintable()):
            raise InvalidSetting(
                f"email.{name}",
                "must be the whole address of a page.",
                "Write it like https://example.com/confirm.",
            )
    for name in ("subject", "reset_subject", "notice_subject", "sender"):
        value = getattr(settings, name)
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            raise InvalidSetting(f"email.{name}", "must be one line.", "Remove the line break.")
    for name in ("subject", "reset_subject", "notice_subject"):
        if len(getattr(settings, name)) > MAX_SUBJECT_CHARACTERS:
            raise InvalidSetting(
                f"email.{name}", f"must be at most {MAX_SUBJECT_CHARACTERS} characters."
            )
    if "@" not in parseaddr(settings.sender or "")[1]:
        raise InvalidSetting(
            "email.sender",
            "must be a mailbox.",
            "Write it like hello@example.com or Example <hello@example.com>.",
        )


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `email`."""
    return {"email": EmailSettings}


@hookimpl
def register_confirmation_flows() -> Iterable[ConfirmationFlow]:
    """Offer `email`."""
    return [Email("link_base")]


@hookimpl
def register_reset_flows() -> Iterable[ResetFlow]:
    """Offer `email`."""
    return [Email("reset_link_base", "link_base")]
