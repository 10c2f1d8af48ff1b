"""A provider that knows nobody twice, as one of anonymous users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from admit import Services, hookimpl
from admit.providers import Claim, Provider


class Visitors:
    """A plugin whose provider takes every `name`, once."""

    @hookimpl
    def register_providers(self) -> Iterable[Provider]:
        def identify(credentials: Mapping[str, Any], services: Services) -> Claim:
            return Claim(login_key=str(credentials["name"]), proved=True, creates_users=True)

        provider: Any = SimpleNamespace(name="visitor", inline=True, repeatable=False)
        provider.identify, provider.check = identify, print  # never asked: it proves itself
        return [provider]
