"""Another provider whose users register: a card, a PIN, and perhaps an address for messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from admit import (
    Check,
    Claim,
    Identity,
    NewIdentity,
    RegistrationRequest,
    Secret,
    Services,
    hookimpl,
)
from admit.providers import Provider


class Readers:
    """Readers of a library: a card and a PIN, which is kept under a name of its own."""

    name = "reader"
    inline = True

    @hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    def new_identity(self, request: RegistrationRequest, services: Services) -> NewIdentity:
        address = request.data.get("address")
        return NewIdentity(
            login_key=request.login, address=None if address is None else str(address)
        )

    def private_data(self, password: Secret, services: Services) -> Mapping[str, str]:
        return {"pin": services.hash_password(password)}

    def verify_private(
        self, password: Secret, identity: Identity | None, services: Services
    ) -> bool:
        pin = None if identity is None else identity.private.get("pin")
        return services.verify_password(password, pin)

    def identify(self, credentials: Mapping[str, Any], services: Services) -> Claim:
        return Claim(login_key=credentials["card"])

    def check(
        self, credentials: Mapping[str, Any], identity: Identity | None, services: Services
    ) -> Check:
        pin = Secret(credentials["pin"])
        return Check(accepted=self.verify_private(pin, identity, services))
