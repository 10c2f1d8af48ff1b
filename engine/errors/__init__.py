"""Everything admit raises on purpose.

AdmitError
├── InvalidInput               a value breaks a rule: field, rule
│   ├── InvalidAddress
│   ├── PasswordRefused
│   ├── InvalidSetting
│   └── TokenMalformed
├── NotFound                   nobody and nothing by that name
│   ├── UserNotFound
│   ├── IdentityNotFound
│   ├── ApiKeyNotFound
│   ├── AdminKeyNotFound
│   └── UnknownName            no such flow, provider, function, setting: the known ones are listed
├── NotAllowedNow              right, but not in this state
│   ├── NotAllowed             the lifecycle has no such move, or a guard blocks it
│   ├── ResendNotPossible
│   ├── AddressTaken
│   ├── IdTaken                a user who is imported has an id that another one has
│   ├── Outdated               what was to be replaced has changed since it was read
│   ├── IdentityTaken          it belongs to another user, who uses it
│   ├── AlreadyLinked          one login of this provider is all that a user can have
│   ├── LastIdentity           without it, nobody could log in any more
│   ├── PlanOutdated           the users are no longer as the plan of their merge says
│   ├── Vetoed                 a plugin's `before` hook said no
│   ├── ProviderDisabled
│   ├── NewUsersRefused        this provider lets in only who has an account
│   ├── DomainRefused          this provider does not let in addresses of this domain
│   ├── TooManyApiKeys
│   ├── ApiKeyNameTaken
│   ├── AdminKeyNameTaken
│   ├── NoAdminKeys            the admin surface is off
│   ├── RegistrationRefused    the flow answered `fail`: no account is left
│   └── FlowRefused            the flow answered `fail` for a user who is kept
├── TokenRefused
│   ├── TokenUnknown
│   ├── TokenUsed
│   ├── TokenSuperseded
│   ├── TokenExpired
│   └── CodeWrong
├── LogInRefused
│   ├── WrongCredentials
│   │   └── CredentialsRefused   a provider says why, in words for the caller
│   ├── ConfirmationRequired
│   ├── UserDisabled
│   ├── PasswordMustChange
│   ├── Leaving                the account is being deleted; it carries an offer to restore it
│   ├── RedirectInvalid        not begun here, answered before, or too late
│   └── ProviderRefused        the provider sent the browser back without a log-in
├── SessionInvalid             an access or refresh token that opens nothing any more
├── FreshLogInNeeded           the session is good, its log-in too long ago for this
├── ScopeMissing               the admin key is good, but not for this
├── FlowFailed                 the flow raised, hung or could not deliver: the user is kept
├── DeliveryFailed             what a transport raises; `temporary` decides what follows
├── PluginError
│   ├── PluginFailed           raised, or answered nonsense
│   ├── PluginTimedOut
│   ├── PluginOverloaded       too many of its calls hang
│   ├── PluginClash            two plugins offer the same name
│   └── UnknownHook            a hook that nobody calls, most often misspelt
├── TryLater                   contention, a cool-down, a full queue: nothing was changed
│   └── CodeResting            too many wrong codes; the link still works
├── ProviderFailed             an identity provider's server gave no usable answer
├── NotConfigured              settings that this needs are missing
├── MissingExtra               an optional package is not installed
├── WrongKey
└── StoreError
    ├── FateUnknown            the commit may or may not have happened
    ├── StoreDamaged
    ├── StoreIncomplete        a copy that is not whole
    ├── StoreTooNew
    ├── StoreClosed
    ├── StoreReadOnly
    ├── StoreFull
    ├── StoreInUse             others have it open
    └── StoreUnreachable       no connection to its database can be had
"""

from __future__ import annotations

from .acting import (
    CodeResting,
    DeliveryFailed,
    FlowFailed,
    MissingExtra,
    NotConfigured,
    PluginClash,
    PluginError,
    PluginFailed,
    PluginOverloaded,
    PluginTimedOut,
    ProviderFailed,
    TryLater,
    UnknownHook,
    WrongKey,
)
from .entering import (
    CodeWrong,
    ConfirmationRequired,
    CredentialsRefused,
    FreshLogInNeeded,
    Leaving,
    LogInRefused,
    PasswordMustChange,
    ProviderRefused,
    RedirectInvalid,
    ScopeMissing,
    SessionInvalid,
    TokenExpired,
    TokenRefused,
    TokenSuperseded,
    TokenUnknown,
    TokenUsed,
    UserDisabled,
    WrongCredentials,
)
from .input import (
    AdminKeyNotFound,
    ApiKeyNotFound,
    IdentityNotFound,
    InvalidAddress,
    InvalidInput,
    InvalidSetting,
    NotFound,
    PasswordRefused,
    TokenMalformed,
    UnknownName,
    UserNotFound,
)
from .not_now import (
    AddressTaken,
    AdminKeyNameTaken,
    AlreadyLinked,
    ApiKeyNameTaken,
    DomainRefused,
    FlowRefused,
    IdentityTaken,
    IdTaken,
    LastIdentity,
    NewUsersRefused,
    NoAdminKeys,
    NotAllowed,
    NotAllowedNow,
    Outdated,
    PlanOutdated,
    ProviderDisabled,
    RegistrationRefused,
    ResendNotPossible,
    TooManyApiKeys,
    Vetoed,
)
from .root import AdmitError
from .stores import (
    FateUnknown,
    StoreClosed,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreIncomplete,
    StoreInUse,
    StoreReadOnly,
    StoreTooNew,
    StoreUnreachable,
)

__all__ = [
    "AddressTaken",
    "AdminKeyNameTaken",
    "AdminKeyNotFound",
    "AdmitError",
    "AlreadyLinked",
    "ApiKeyNameTaken",
    "ApiKeyNotFound",
    "CodeResting",
    "CodeWrong",
    "ConfirmationRequired",
    "CredentialsRefused",
    "DeliveryFailed",
    "DomainRefused",
    "FateUnknown",
    "FlowFailed",
    "FlowRefused",
    "FreshLogInNeeded",
    "IdTaken",
    "IdentityNotFound",
    "IdentityTaken",
    "InvalidAddress",
    "InvalidInput",
    "InvalidSetting",
    "LastIdentity",
    "Leaving",
    "LogInRefused",
    "MissingExtra",
    "NewUsersRefused",
    "NoAdminKeys",
    "NotAllowed",
    "NotAllowedNow",
    "NotConfigured",
    "NotFound",
    "Outdated",
    "PasswordMustChange",
    "PasswordRefused",
    "PlanOutdated",
    "PluginClash",
    "PluginError",
    "PluginFailed",
    "PluginOverloaded",
    "PluginTimedOut",
    "ProviderDisabled",
    "ProviderFailed",
    "ProviderRefused",
    "RedirectInvalid",
    "RegistrationRefused",
    "ResendNotPossible",
    "ScopeMissing",
    "SessionInvalid",
    "StoreClosed",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreInUse",
    "StoreIncomplete",
    "StoreReadOnly",
    "StoreTooNew",
    "StoreUnreachable",
    "TokenExpired",
    "TokenMalformed",
    "TokenRefused",
    "TokenSuperseded",
    "TokenUnknown",
    "TokenUsed",
    "TooManyApiKeys",
    "TryLater",
    "UnknownHook",
    "UnknownName",
    "UserDisabled",
    "UserNotFound",
    "Vetoed",
    "WrongCredentials",
    "WrongKey",
]
