"""What the engine hands to a plugin, so that none ever needs a private import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .clock import Clock
from .masked import Secret

if TYPE_CHECKING:
    from .records import ApiKey
    from .transports import Message

S = TypeVar("S")


class Services(Protocol):
    """The engine's services for one open engine. Safe to use from any thread."""

    @property
    def clock(self) -> Clock:
        """The one source of time."""
        ...

    def settings(self, section: type[S]) -> S:
        """Return the values in force now of a section offered by `register_settings`, or of
        `admit.Settings`."""
        ...

    def function(self, name: str) -> Callable[..., Any]:
        """Return the callable registered under *name*. Raises UnknownName, listing the known."""
        ...

    def render(self, template: str, values: Mapping[str, object], *, package: str) -> str:
        """Render a Jinja2 template.

        The file *template* in the folder of the setting `templates` if there is one, else in the
        folder `templates` of *package*. `.html.j2` escapes its values.

        Raises:
            PluginFailed: the template does not exist, or breaks; it is named.
        """
        ...

    def check_transport(self) -> None:
        """Return if a message could be sent. Raises NotConfigured, naming the settings."""
        ...

    def send(self, message: Message) -> None:
        """Hand *message* to the active transport.

        Raises:
            DeliveryFailed: it was not taken.
            NotConfigured: no transport is set, or it lacks settings.
        """
        ...

    def api_key(self, text: Secret) -> ApiKey | None:
        """Return the live API key with this text, or None. That it was used is noted on it, once in
        a quarter of an hour."""
        ...

    def check_password(self, password: Secret, *, address: str | None) -> None:
        """Return if *password* (after NFKC) may be set. Raises PasswordRefused, naming the rule."""
        ...

    def hash_password(self, password: Secret) -> str:
        """Return the argon2id hash of *password* after NFKC, as a PHC string. Takes about 0.1 s.

        Raises:
            TryLater: too many hashes wait already (security.md P4).
            PasswordRefused: it has more than 4,096 characters. Whether a *new* password is too
                long is for `check_password`, which the engine asks before.
        """
        ...

    def check_hash(self, hashed: str) -> None:
        """Return if *hashed*, which a user brings along from another system, can be verified here.

        Raises:
            InvalidInput: no format that is loaded fits, or it is malformed, or too dear.
            NotConfigured, MissingExtra: its format needs something that is missing.
        """
        ...

    def verify_password(self, password: Secret, hashed: str | None) -> bool:
        """Return whether *password* belongs to *hashed*. With None: no, at the same cost (E4). What
        a user brought along is verified by its format.

        Raises:
            TryLater: too many hashes wait already.
        """
        ...

    def needs_rehash(self, hashed: str) -> bool:
        """Return whether *hashed* was made with other parameters than today's, or elsewhere."""
        ...

    def seal(self, secret: Secret, *, about: str) -> str:
        """Return *secret* as a text that only engines with this key can read: what a provider keeps
        of it in `Claim.private`.

        *about* says what it is, and whose – its name, the provider, the identity's login key –, so
        that nobody who writes to the store can put one secret in the place of another.

        Raises:
            MissingExtra: the package that seals is not installed.
        """
        ...

    def unseal(self, sealed: str, *, about: str) -> Secret:
        """Return what was sealed *about* the same thing.

        Raises:
            StoreDamaged: it was changed, is about something else, or was sealed with a key that is
                gone.
            MissingExtra: the package that seals is not installed.
        """
        ...
