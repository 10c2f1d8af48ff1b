"""The engine's services for plugins, put together from its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ._api_keys import KeyFinder
from ._keys import KeyRing
from ._passwords import PasswordHashing, normal
from ._plugins import Offer, Plugins
from ._rendering import Rendering
from ._sealing import seal, unseal
from ._setting_sources import SettingSources
from .clock import Clock
from .errors import DeliveryFailed, NotConfigured, PasswordRefused, Vetoed
from .masked import Secret
from .records import ApiKey
from .settings import Settings
from .transports import Message

S = TypeVar("S")


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

    def verify_password(self, password: Secret, hashed: str | None) -> bool:
        return self._passwords.verify(password, hashed)

    def needs_rehash(self, hashed: str) -> bool:
        return self._passwords.needs_rehash(hashed)

    def seal(self, secret: Secret) -> str:
        return seal(self._keys, secret)

    def unseal(self, sealed: str) -> Secret:
        return unseal(self._keys, sealed)
