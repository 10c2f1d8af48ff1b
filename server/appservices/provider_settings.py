"""Provider objects of App Services as settings of admit, and settings as provider objects.

The objects are those of the Admin API and of `auth/providers.json`: wire-contract.md §6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import attrs

from admit import Engine, SettingInfo
from admit.settings import to_text

from .findings import (
    LONGEST_NAME,
    Fields,
    Findings,
    FunctionNeeded,
    Left,
    Problem,
    SecretNeeded,
    kind_of,
)
from .kept import SETTING, kept_text, read_kept
from .oauth_kinds import (
    APPLE,
    FACEBOOK,
    GOOGLE,
    read_apple,
    read_facebook,
    read_google,
    write_oauth,
)
from .simple_kinds import (
    PASSWORDS,
    read_custom_function,
    read_nothing,
    read_passwords,
    write_custom_function,
    write_nothing,
    write_passwords,
)
from .token_kind import read_custom_token, write_custom_token

_Write = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]

_WRITERS: Final[Mapping[str, _Write]] = {
    "anon-user": write_nothing,
    "api-key": write_nothing,
    PASSWORDS: write_passwords,
    "custom-token": write_custom_token,
    "custom-function": write_custom_function,
    GOOGLE: partial(write_oauth, GOOGLE),
    FACEBOOK: partial(write_oauth, FACEBOOK),
    APPLE: partial(write_oauth, APPLE),
}
TYPES: Final = tuple(_WRITERS)
"""The types of providers that App Services knew."""
ALWAYS_THERE: Final = (PASSWORDS, "api-key")
"""What an application has from the start, enabled or not."""
FUNCTION_SETTINGS: Final = frozenset(
    {"function.confirmation", "function.reset", "custom-function.function"}
)
"""Settings that name a function: the store takes only one that is registered, the file any."""
_CONFIRMING: Final = ("auto", "email", "function")
_RESETTING: Final = ("email", "function")
_SUBJECTS: Final = ("email.subject", "email.reset_subject")
_TRANSLATED: Final = {
    "custom-token": {
        "audience", "every_audience", "algorithms", "jwks_url", "metadata", "required", "secret",
        "former_secret", "keys",
    },
    "custom-function": {"function"},
    GOOGLE: {"client_id", "client_secret", "return_uris", "allowed_domains", "metadata_fields"},
    FACEBOOK: {"client_id", "client_secret", "return_uris", "allowed_domains", "metadata_fields"},
    APPLE: {"client_id", "return_uris"},
}  # fmt: skip
"""What else than `enabled` has a counterpart in a provider object, by provider."""


@attrs.frozen(kw_only=True)
class Carried:
    """What provider objects become here."""

    settings: Mapping[str, object]
    """Setting → value, `appservices.kept` among them."""
    unset: tuple[str, ...] = ()
    """Settings that the objects leave empty: at their defaults, then."""
    secrets: tuple[SecretNeeded, ...] = ()
    """Secrets whose values are not in the objects, and where those belong."""
    functions: tuple[FunctionNeeded, ...] = ()
    left: tuple[Left, ...] = ()
    """What is not carried over, and why."""
    problems: tuple[Problem, ...] = ()
    """What is wrong; with one of these, nothing may be set."""

    def checked(self) -> Carried:
        """Return this if nothing is wrong with it. Raises InvalidInput: the first problem."""
        for problem in self.problems:
            raise problem.error()
        return self

    def for_store(self, engine: Engine, *, functions: bool = True) -> dict[str, object]:
        """Return those settings that may be set in the store, while engines run. *functions*:
        whether those that name one are among them, which the store takes only if it is loaded."""
        return {
            name: value
            for name, value in self.settings.items()
            if "store" in engine.settings.info(name).about.where
            and (functions or name not in FUNCTION_SETTINGS)
        }

    def for_file(self, engine: Engine, *, functions: bool = False) -> dict[str, object]:
        """Return the others: those that only admit.toml, the environment or code may set."""
        stored = self.for_store(engine, functions=not functions)
        return {name: value for name, value in self.settings.items() if name not in stored}


def read_providers(
    objects: Iterable[object], *, app_id: str, kept_before: object = None
) -> Carried:
    """Return what provider objects say, as settings.

    All that is wrong is noted in `problems`, each with the provider, the field, the rule and what
    to do. Unknown fields are kept in the setting `appservices.kept` and noted in `left`. An object
    that says less says it of itself: of what it leaves out, the defaults of App Services count.

    Args:
        objects: as `auth/providers.json` or the Admin API has them; `_id` is passed over.
        app_id: the client app id, which tokens are for when no audience is named.
        kept_before: the setting `appservices.kept` as it is, for what it says of other providers.
    """
    found = Findings()
    before = read_kept(kept_before)
    kept = dict(before)
    seen: set[str] = set()
    for at, given in enumerate(objects):
        kind = _type_of(at, given, seen, found)
        if kind is not None:
            found.kept = {}
            kept.pop(kind, None)
            _read(kind, Fields(kind, given, found), found, app_id)
            if found.kept:
                kept[kind] = found.kept
    text = kept_text(kept)
    if text is None:
        found.leave("providers", "say too much besides for it to be kept for the way back.")
    elif kept:
        found.settings[SETTING] = text
    elif before:
        found.unset.append(SETTING)
    return Carried(
        settings=found.settings,
        unset=tuple(found.unset),
        secrets=tuple(found.secrets),
        functions=tuple(found.functions),
        left=tuple(found.left),
        problems=tuple(found.problems),
    )


def provider_objects(engine: Engine) -> dict[str, dict[str, Any]]:
    """Return the provider objects that say what *engine* is set to, by type: those that are enabled
    or have something set, and those that every application has. No secret is in them, nor `_id`."""
    infos = {info.name: info for info in engine.settings.all()}
    values = {name: info.value for name, info in infos.items()}
    # A subject of ours says nothing of theirs.
    values |= {name: None for name in _SUBJECTS if infos[name].source == "default"}
    kept = read_kept(values.get(SETTING))
    return {
        kind: _object(kind, values, kept.get(kind, {}))
        for kind in TYPES
        if f"{kind}.enabled" in values and _is_configured(kind, infos, kept)
    }


def untranslated(engine: Engine) -> tuple[Left, ...]:
    """Return what is set of providers, and has no counterpart in their objects."""
    found = [
        Left(field=info.name, why="has no counterpart in App Services.")
        for info in engine.settings.all()
        if info.source != "default" and _is_untranslated(info.name)
    ]
    for name, known in (("confirmation_flow", _CONFIRMING), ("reset_flow", _RESETTING)):
        flow = engine.settings.info(name).value
        if flow not in known:
            why = f"{to_text(flow)} has no counterpart in App Services; it is written as email."
            found.append(Left(field=name, why=why))
    return tuple(found)


def _is_untranslated(setting: str) -> bool:
    section, _, name = setting.partition(".")
    return (
        section in TYPES
        and name not in {"enabled", "redirect_uris"}  # the latter are pages of ours
        and name not in _TRANSLATED.get(section, ())
    )


def _type_of(at: int, given: object, seen: set[str], found: Findings) -> str | None:
    where = f"providers[{at}]"
    if not isinstance(given, Mapping):
        found.problem(where, f"must be an object, not {kind_of(given)}.")
        return None
    kind = given.get("type", given.get("name"))
    if not isinstance(kind, str):
        found.problem(f"{where}.type", "is missing, or no text.", f"One of: {', '.join(TYPES)}.")
        return None
    if kind not in TYPES:
        found.problem(
            f"{where}.type",
            f"{kind!r:.80} is no type of provider that is known.",
            f"Take it out. Known: {', '.join(TYPES)}.",
        )
        return None
    if kind in seen:
        found.problem(f"{kind}.type", "stands there twice.", "Leave one of them.")
        return None
    seen.add(kind)
    return kind


def _read(kind: str, fields: Fields, found: Findings, app_id: str) -> None:
    for name in ("_id", "id", "type"):
        fields.text(name, most=LONGEST_NAME)
    name = fields.text("name", most=LONGEST_NAME)
    if name not in {"", kind}:
        found.keep("other", "name", name)
        found.leave(fields.name("name"), "a provider is called by its type here.")
    found.settings[f"{kind}.enabled"] = not fields.truth("disabled")
    match kind:
        case "custom-token":
            read_custom_token(fields, found, app_id)
        case "custom-function":
            read_custom_function(fields, found)
        case "oauth2-google":
            read_google(fields, found)
        case "oauth2-facebook":
            read_facebook(fields, found)
        case "oauth2-apple":
            read_apple(fields, found)
        case "local-userpass":
            read_passwords(fields, found)
        case _:
            read_nothing(fields, found)
    fields.keep_rest("other")


def _object(kind: str, values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    written = _WRITERS[kind](values, kept)
    for part in ("config", "secret_config"):
        if part in written or kept.get(part):
            written[part] = {**written.get(part, {}), **kept.get(part, {})}
    return {
        "name": kind,
        "type": kind,
        "disabled": not values[f"{kind}.enabled"],
        **written,
        **kept.get("other", {}),
    }


def _is_configured(kind: str, infos: Mapping[str, SettingInfo], kept: Mapping[str, Any]) -> bool:
    if kind in ALWAYS_THERE or kind in kept or infos[f"{kind}.enabled"].value:
        return True
    return any(
        info.source != "default" for name, info in infos.items() if name.startswith(f"{kind}.")
    )
