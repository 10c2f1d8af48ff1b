"""admit: an embeddable engine for the life of a user account – pending, confirmed, deleted.

Open an engine with `open()`; its methods are the verbs. Plugin authors read `admit.hookspecs`.

Each name is imported from its module when it is first asked for, so that whoever needs little –
a plugin its mark, a test run its fixtures – loads little.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ._plugins import PluginInfo
    from ._setting_sources import SettingInfo
    from ._token_keys import SigningKey
    from ._usecases.audit import Audit
    from ._usecases.bulk import BulkResult
    from ._usecases.examine import Advice
    from ._usecases.import_user import ImportResult
    from ._usecases.listed_runs import RunOfUser
    from ._usecases.prepared import Prepared
    from ._usecases.redirect import BegunRedirect
    from ._usecases.redirect_answer import PendingRedirect, RedirectEnd
    from ._usecases.sweep import Swept
    from ._usecases.why import Why
    from ._worker import Worked
    from .engine import Engine
    from .errors import AdmitError
    from .flows import Entry, Outcome
    from .hookspecs import Registration, hookimpl
    from .leaving import Erasure, ErasureStep, Left
    from .lifecycle import May
    from .masked import Secret
    from .merging import MergePlan
    from .opening import open
    from .providers import (
        Admission,
        Check,
        Claim,
        NewIdentity,
        RedirectAnswer,
        RedirectRequest,
        RedirectTerms,
        RegistrationRequest,
    )
    from .records import (
        Access,
        Actor,
        Address,
        AdminAccess,
        AdminKey,
        AdminLogIn,
        ApiKey,
        AppSecret,
        Attempt,
        AttemptError,
        Client,
        CustomData,
        Document,
        Event,
        Identity,
        LogIn,
        NewAdminKey,
        NewApiKey,
        Receipt,
        Run,
        Session,
        User,
    )
    from .rows import AddressRow, IdentityRow, UserRow
    from .services import Services
    from .settings import Settings, setting
    from .stores import Cursor, Page, Store
    from .transports import Message

__all__ = [
    "Access",
    "Actor",
    "Address",
    "AddressRow",
    "AdminAccess",
    "AdminKey",
    "AdminLogIn",
    "Admission",
    "AdmitError",
    "Advice",
    "ApiKey",
    "AppSecret",
    "Attempt",
    "AttemptError",
    "Audit",
    "BegunRedirect",
    "BulkResult",
    "Check",
    "Claim",
    "Client",
    "Cursor",
    "CustomData",
    "Document",
    "Engine",
    "Entry",
    "Erasure",
    "ErasureStep",
    "Event",
    "Identity",
    "IdentityRow",
    "ImportResult",
    "Left",
    "LogIn",
    "May",
    "MergePlan",
    "Message",
    "NewAdminKey",
    "NewApiKey",
    "NewIdentity",
    "Outcome",
    "Page",
    "PendingRedirect",
    "PluginInfo",
    "Prepared",
    "Receipt",
    "RedirectAnswer",
    "RedirectEnd",
    "RedirectRequest",
    "RedirectTerms",
    "Registration",
    "RegistrationRequest",
    "Run",
    "RunOfUser",
    "Secret",
    "Services",
    "Session",
    "SettingInfo",
    "Settings",
    "SigningKey",
    "Store",
    "Swept",
    "User",
    "UserRow",
    "Why",
    "Worked",
    "hookimpl",
    "open",
    "setting",
]

if not TYPE_CHECKING:  # a type checker knows each name from above, and that there is no other
    _NAMES: Final = {
        "_plugins": ("PluginInfo",),
        "_setting_sources": ("SettingInfo",),
        "_token_keys": ("SigningKey",),
        "_usecases.audit": ("Audit",),
        "_usecases.bulk": ("BulkResult",),
        "_usecases.examine": ("Advice",),
        "_usecases.import_user": ("ImportResult",),
        "_usecases.listed_runs": ("RunOfUser",),
        "_usecases.prepared": ("Prepared",),
        "_usecases.redirect": ("BegunRedirect",),
        "_usecases.redirect_answer": ("PendingRedirect", "RedirectEnd"),
        "_usecases.sweep": ("Swept",),
        "_usecases.why": ("Why",),
        "_worker": ("Worked",),
        "engine": ("Engine",),
        "errors": ("AdmitError",),
        "flows": ("Entry", "Outcome"),
        "hookspecs": ("Registration", "hookimpl"),
        "leaving": ("Erasure", "ErasureStep", "Left"),
        "lifecycle": ("May",),
        "masked": ("Secret",),
        "merging": ("MergePlan",),
        "opening": ("open",),
        "providers": (
            *("Admission", "Check", "Claim", "NewIdentity", "RedirectAnswer", "RedirectRequest"),
            *("RedirectTerms", "RegistrationRequest"),
        ),
        "records": (
            *("Access", "Actor", "Address", "AdminAccess", "AdminKey", "AdminLogIn", "ApiKey"),
            *("AppSecret", "Attempt", "AttemptError", "Client", "CustomData", "Document", "Event"),
            *("Identity", "LogIn"),
            *("NewAdminKey", "NewApiKey", "Receipt", "Run", "Session", "User"),
        ),
        "rows": ("AddressRow", "IdentityRow", "UserRow"),
        "services": ("Services",),
        "settings": ("Settings", "setting"),
        "stores": ("Cursor", "Page", "Store"),
        "transports": ("Message",),
    }
    _HOME: Final = {name: module for module, names in _NAMES.items() for name in names}

    def __getattr__(name: str) -> Any:
        """Return *name*, imported; public modules are there without an import of their own."""
        if name in _HOME:
            value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
        elif name in _NAMES and not name.startswith("_"):
            value = importlib.import_module(f".{name}", __name__)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
