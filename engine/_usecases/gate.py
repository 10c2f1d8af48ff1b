"""The gate: what every way in passes – a registration, a log-in, a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .._commits import refusals_recorded
from .._core import Core
from .._events import Acting
from .._evolve import evolve
from .._plugins import DEFAULT_LIMIT_SECONDS, Offer
from .._text import check_text
from ..addresses import canonical
from ..errors import (
    DomainRefused,
    InvalidAddress,
    InvalidInput,
    NewUsersRefused,
    PluginFailed,
    ProviderDisabled,
)
from ..providers import Admission, Claim, Credentials, ProviderSettings, Way
from ..records import User
from .json_data import checked_data

LONGEST_LOGIN_KEY: Final = 1000
EVERYTHING: Final = "*"
"""In the setting `metadata_fields`: whatever the provider says."""


def open_provider(core: Core, name: str) -> Offer:
    """Return the provider *name*, which users may come in with.

    Raises:
        UnknownName: it is not loaded.
        ProviderDisabled: it is, and its setting `enabled` is false.
    """
    offer = core.plugins.offer("register_providers", name)
    if not core.sources.of_provider(name).enabled:
        raise ProviderDisabled(name)
    return offer


def claim_of(core: Core, offer: Offer, credentials: Credentials) -> Claim:
    """Return what *credentials* claim, with only such data as may be kept.

    Raises:
        WrongCredentials, InvalidInput, NotConfigured, PluginError: as the provider says.
    """
    claim: Claim = core.plugins.call(
        offer,
        "identify",
        lambda: offer.value.identify(credentials, core.services),
        limit_seconds(core, offer),
    )
    return checked(core, offer, claim)


def checked(core: Core, offer: Offer, claim: Claim) -> Claim:
    """Return what a provider claims, with only such data as may be kept. Raises PluginFailed."""
    if claim.user is not None and not claim.proved:
        raise PluginFailed(offer.plugin, "identify", "names a user without proof")
    if not claim.proved:
        return claim
    try:
        check_text(claim.login_key, "login_key", most=LONGEST_LOGIN_KEY)
        data = checked_data(_kept(core, offer.name, claim.data))
    except InvalidInput as problem:
        raise PluginFailed(
            offer.plugin, "identify", f"says what cannot be kept: {problem.sentence}"
        ) from None
    return evolve(claim, data=data)


def limit_seconds(core: Core, offer: Offer) -> float:
    """Return how long a call of this provider may take."""
    said: Any = getattr(offer.value, "limit_seconds", None)
    if not callable(said):
        return DEFAULT_LIMIT_SECONDS
    seconds: Any = said(core.services)
    return float(seconds)


def _kept(core: Core, provider: str, data: Mapping[str, object]) -> Mapping[str, object]:
    fields = core.sources.of_provider(provider).metadata_fields
    if EVERYTHING in fields:
        return data
    return {name: value for name, value in data.items() if name in fields}


def pass_with_claim(
    core: Core, by: Acting, way: Way, provider: str, claim: Claim, user: User | None
) -> None:
    """Return if who makes this claim is let in: *user*, or – None – somebody new. A refusal is
    recorded (security.md A6).

    Raises: as `pass_gate`.
    """
    admission = Admission(
        way=way,
        provider=provider,
        user=user,
        address=claim.address,
        address_proved=claim.address_proved,
        data=claim.data,
        client=by.client,
    )
    with refusals_recorded(core, by, user, way):
        pass_gate(core, admission, names_address=claim.proved and claim.user is None)


def pass_gate(
    core: Core, admission: Admission, *, names_address: bool = True, to_be_proved: bool = False
) -> None:
    """Return if somebody is let in.

    The domain of an address is looked at where the provider names one: not at a log-in that
    compares a password with what is kept, nor at one with a key. *to_be_proved*: a message goes
    there before the address counts, so that nobody has to vouch for it now.

    Raises:
        NewUsersRefused: who has no account gets none here.
        DomainRefused: the address is of another domain, or – with a list of allowed ones – missing,
            or one that a provider says without vouching for it.
        Vetoed, PluginFailed: a `before_admission` hook said no, or failed.
    """
    rules = core.sources.of_provider(admission.provider)
    if admission.user is None and not rules.allow_new_users:
        raise NewUsersRefused(admission.provider)
    if names_address and not _domain_fits(admission, rules, to_be_proved):
        raise DomainRefused(admission.provider)
    core.plugins.veto("before_admission", admission=admission)


def _domain_fits(admission: Admission, rules: ProviderSettings, to_be_proved: bool) -> bool:
    allowed, refused = rules.allowed_domains, rules.refused_domains
    if not allowed and not refused:
        return True
    domain = None if admission.address is None else _domain_of(admission.address)
    if domain is None:
        return not allowed
    if any(_is_of(domain, pattern) for pattern in refused):
        return False
    # What a provider says and does not vouch for anybody could have told it.
    vouched = to_be_proved or admission.address_proved
    return not allowed or (vouched and any(_is_of(domain, pattern) for pattern in allowed))


def _domain_of(address: str) -> str | None:
    try:
        return canonical(address).rpartition("@")[2]
    except InvalidAddress:
        return None


def _is_of(domain: str, pattern: str) -> bool:
    """Whether *domain* is the one that *pattern* names or, with `*.` before that, lies below it."""
    below = pattern.startswith("*.")
    name = pattern.removeprefix("*.")
    wanted = _domain_of(f"x@{name}") or name.casefold()
    return domain.endswith(f".{wanted}") if below else domain == wanted
