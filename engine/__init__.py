"""admit: an embeddable engine for the life of a user account – pending, confirmed, deleted.

Open an engine with `open()`; its methods are the verbs. Plugin authors read `admit.hookspecs`.
"""

from ._plugins import PluginInfo
from ._setting_sources import SettingInfo
from ._usecases.audit import Audit
from ._usecases.bulk import BulkResult
from ._usecases.prepared import Prepared
from ._usecases.sweep import Swept
from ._usecases.why import Why
from ._worker import Worked
from .engine import Engine
from .errors import AdmitError
from .flows import Entry, Outcome
from .hookspecs import Registration, hookimpl
from .lifecycle import May
from .masked import Secret
from .opening import open
from .providers import Check, Claim, NewIdentity, RegistrationRequest
from .records import (
    Access,
    Actor,
    Address,
    Attempt,
    AttemptError,
    Client,
    Event,
    Identity,
    LogIn,
    Receipt,
    Run,
    Session,
    User,
)
from .services import Services
from .settings import Settings, setting
from .stores import Cursor, Page, Store
from .transports import Message

__all__ = [
    "Access",
    "Actor",
    "Address",
    "AdmitError",
    "Attempt",
    "AttemptError",
    "Audit",
    "BulkResult",
    "Check",
    "Claim",
    "Client",
    "Cursor",
    "Engine",
    "Entry",
    "Event",
    "Identity",
    "LogIn",
    "May",
    "Message",
    "NewIdentity",
    "Outcome",
    "Page",
    "PluginInfo",
    "Prepared",
    "Receipt",
    "Registration",
    "RegistrationRequest",
    "Run",
    "Secret",
    "Services",
    "Session",
    "SettingInfo",
    "Settings",
    "Store",
    "Swept",
    "User",
    "Why",
    "Worked",
    "hookimpl",
    "open",
    "setting",
]
