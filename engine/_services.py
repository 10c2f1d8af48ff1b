"""The engine's services for plugins, put together from its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from ._api_keys import KeyFinder
from ._keys import KeyRing
from ._passwords import LONGEST_HASH, PasswordHashing, check_own, is_own, normal
from ._plugins import Offer, Plugins
from ._rendering import Rendering
from ._sealing import seal, unseal
from ._setting_sources import SettingSources
from ._text import check_text
from .clock import Clock
from .errors import DeliveryFailed, InvalidInput, NotConfigured, PasswordRefused, Vetoed
from .masked import Secret
from .records import ApiKey
from .settings import Settings
from .transports import Message

S = TypeVar("S")

OF_PLUGINS: Final = "plugin: "
"""What plugins seal opens as nothing of the engine's own, which is sealed about records' ids."""


class EngineServices:
    """What `admit.services.Services` promises; see there."""

    def __init__(
        self,
        clock: Clock,
        plugins: Plugins,
        settings: SettingSources,
        passwords: PasswordHashing,
        rendering: Rendering,
        keys: KeyRing,
        api_keys: KeyFinder,
    ) -> None:
        self._clock = clock
        self._plugins = plugins
        self._settings = settings
        self._passwords = passwords
        self._rendering = rendering
        self._keys = keys
        self._api_keys = api_keys

    @property
    def clock(self) -> Clock:
        return self._clock

    def settings(self, section: type[S]) -> S:
        return self._settings.current(section)

    def function(self, name: str) -> Callable[..., Any]:
        function: Callable[..., Any] = self._plugins.offer("register_functions", name).value
        return function

    def render(self, template: str, values: Mapping[str, object], *, package: str) -> str:
        folder = self.settings(Settings).templates
        return self._rendering.render(template, values, package=package, folder=folder)

    def check_transport(self) -> None:
        offer = self._transport()
        check = getattr(offer.value, "check", None)
        if check is not None:
            check(self)

    def send(self, message: Message) -> None:
        offer = self._transport()
        try:
            # Already in a thread of ours, under the limit of the flow that sends.
            self._plugins.call_here(offer, "send", lambda: offer.value.send(message, self))
        except OSError as problem:
            raise DeliveryFailed(
                f"The transport {offer.name!r} failed: {type(problem).__name__}.", temporary=True
            ) from problem

    def _transport(self) -> Offer:
        name = self.settings(Settings).transport
        if name is None:
            raise NotConfigured("A message transport", ["transport"])
        return self._plugins.offer("register_transports", name)

    def api_key(self, text: Secret) -> ApiKey | None:
        return self._api_keys.find(text.reveal())

    def check_password(self, password: Secret, *, address: str | None) -> None:
        settings = self.settings(Settings)
        text = normal(password, max_length=settings.password_max_length)
        if len(text) < settings.password_min_length:
            raise PasswordRefused(
                "password",
                f"has fewer than {settings.password_min_length} characters.",
                "Choose a longer one, such as a few words.",
            )
        try:
            self._plugins.veto("before_password", password=text, address=address)
        except Vetoed as veto:
            raise PasswordRefused("password", veto.message, "Choose another one.") from None

    def hash_password(self, password: Secret) -> str:
        return self._passwords.hash(password)

    def check_hash(self, hashed: str) -> None:
        text = check_text(hashed, "password_hash", most=LONGEST_HASH)
        if is_own(text):
            check_own(text)
            return
        offer = self._format_of(text)
        if offer is None:
            known = [o.name for o in self._plugins.offers("register_hash_formats").values()]
            raise InvalidInput(
                "password_hash", f"is of no format that is known: argon2, {', '.join(known)}."
            )
        self._plugins.call_here(offer, "check", lambda: offer.value.check(text, self))

    def verify_password(self, password: Secret, hashed: str | None) -> bool:
        offer = None if hashed is None or is_own(hashed) else self._format_of(hashed)
        if offer is None:
            return self._passwords.verify(password, hashed)
        return self._passwords.verify_otherwise(
            password,
            lambda raw: (
                self._plugins.call_here(
                    offer, "verify", lambda: offer.value.verify(raw, hashed, self)
                )
                is True
            ),
        )

    def _format_of(self, hashed: str) -> Offer | None:
        offers = self._plugins.offers("register_hash_formats").values()
        return next((offer for offer in offers if offer.value.fits(hashed)), None)

    def needs_rehash(self, hashed: str) -> bool:
        return self._passwords.needs_rehash(hashed)

    def seal(self, secret: Secret, *, about: str) -> str:
        return seal(self._keys, secret, about=f"{OF_PLUGINS}{about}")

    def unseal(self, sealed: str, *, about: str) -> Secret:
        return unseal(self._keys, sealed, about=f"{OF_PLUGINS}{about}")
