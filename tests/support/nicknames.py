"""A provider whose users register with a nickname, and a flow that sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from admit import (
    Check,
    Claim,
    Entry,
    Identity,
    NewIdentity,
    Outcome,
    RegistrationRequest,
    Services,
    hookimpl,
)
from admit.flows import ConfirmationFlow
from admit.masked import Secret
from admit.providers import Provider


class Nicknames:
    """A provider whose users register with a nickname, and perhaps an address for messages; one
    who comes with the master key proves that the nickname is his."""

    name = "nickname"
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
        return {}

    def verify_private(
        self, password: Secret, identity: Identity | None, services: Services
    ) -> bool:
        return False

    def identify(self, credentials: Mapping[str, Any], services: Services) -> Claim:
        proved = "master-key" in credentials
        return Claim(login_key=credentials["nickname"], proved=proved, creates_users=proved)

    def check(
        self, credentials: Mapping[str, Any], identity: Identity | None, services: Services
    ) -> Check:
        return Check(accepted=False)


class Waiting:
    """A flow that sends nothing."""

    name = "waiting"
    inline = True

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: Entry, services: Services) -> Outcome:
        return Outcome.pending()
