"""What every provider of OpenID Connect can be set to."""

from __future__ import annotations

from datetime import timedelta

import attrs

from admit.errors import NotConfigured
from admit.masked import Secret
from admit.settings import NOT_IN_STORE, setting


@attrs.frozen
class BrowserSettings:
    """What is the same for every provider to which browsers are sent."""

    redirect_uris: tuple[str, ...] = setting(
        (), "Where the provider may send the browser back to: your callback, as registered there."
    )
    return_uris: tuple[str, ...] = setting(
        (), "Where your application may ask to send the browser on to after a log-in."
    )
    time_limit: timedelta = setting(
        timedelta(seconds=5),
        "How long its server may take for one answer.",
        minimum=timedelta(milliseconds=100),
        maximum=timedelta(seconds=25),
    )


@attrs.frozen
class OpenIdSettings(BrowserSettings):
    """What is the same for each. A subclass gives what is known of one provider as defaults.

    Whose tokens are believed, for which clients, and what they prove, decides who is let in: an
    admin cannot change that at run time.
    """

    issuer: str | None = setting(
        None, "The issuer's URL; what else is to be known is discovered there.", where=NOT_IN_STORE
    )
    client_id: str | None = setting(
        None, "The client id that the provider gave you.", where=NOT_IN_STORE
    )
    other_client_ids: tuple[str, ...] = setting(
        (),
        "More client ids of yours whose id tokens are taken: those of your apps.",
        where=NOT_IN_STORE,
    )
    scopes: tuple[str, ...] = setting(
        ("email", "profile"), "What the user is asked to share, besides `openid`."
    )
    trusts_addresses: bool = setting(
        False,
        "Whether an address that this provider calls verified counts as proved.",
        where=NOT_IN_STORE,
    )


@attrs.frozen
class SecretSettings(OpenIdSettings):
    """The same for a provider that gives a client a secret."""

    client_secret: Secret | None = setting(
        None, "The client secret; none for a public client.", where=NOT_IN_STORE
    )


def call_seconds(settings: BrowserSettings) -> float:
    """Return how long one call of a provider may take that asks its server three times."""
    return max(10.0, 4 * settings.time_limit.total_seconds())


def needed(what: str, section: str, **values: object) -> None:
    """Return if all *values* are there.

    Raises:
        NotConfigured: some are not; the settings of *section* are named.
    """
    missing = [f"{section}.{name}" for name, value in values.items() if not value]
    if missing:
        raise NotConfigured(what, missing)
