"""Settings: typed, checked, each with a default, its bounds, and the places it may be set in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import attrs

from .errors import InvalidSetting
from .masked import Secret

Source = Literal["default", "file", "store", "environment", "code"]
"""Weakest first: each hides those before it."""
SOURCES: Final[tuple[Source, ...]] = ("default", "file", "store", "environment", "code")
EVERYWHERE: Final[frozenset[Source]] = frozenset(SOURCES)
NOT_IN_STORE: Final[frozenset[Source]] = EVERYWHERE - {"store"}
"""What an admin must not change at run time: credentials, paths of this machine."""
CODE_ONLY: Final[frozenset[Source]] = frozenset({"default", "code"})

LONGEST_TEXT: Final = 10_000
"""Characters of a setting: every engine on the store reads all of them every second."""

LONGEST_ACCESS: Final = timedelta(hours=24)
LONGEST_SESSION: Final = timedelta(days=5 * 365)
"""Bounds of wire-contract.md §3. A signing key that was replaced verifies for as long as the first,
since nobody knows how long the setting has been what it is."""

LONGEST_PASSWORD: Final = 4096
"""Characters that any password may have, whatever `password_max_length` says: what a log-in is
compared with, so that lowering the setting locks nobody out."""

WORDS: Final = tuple[str, ...]

_ADMIT: Final = "admit"


@attrs.frozen(kw_only=True)
class About:
    """What is known of a setting besides its type and default."""

    help: str
    minimum: Any = None
    maximum: Any = None
    choices: tuple[str, ...] | None = None
    where: frozenset[Source] = EVERYWHERE


def setting(
    default: Any,
    help: str,
    *,
    minimum: Any = None,
    maximum: Any = None,
    choices: tuple[str, ...] | None = None,
    where: frozenset[Source] = EVERYWHERE,
) -> Any:
    """Declare one setting as a field of a frozen attrs class.

    Its type comes from the annotation: `str`, `int`, `float`, `bool`, `timedelta`, `Path` or
    `Secret`, each also `| None`, or `tuple[str, ...]`: words, written with commas between them.
    *minimum* and *maximum* are inclusive.
    """
    about = About(help=help, minimum=minimum, maximum=maximum, choices=choices, where=where)
    return attrs.field(default=default, kw_only=True, metadata={_ADMIT: about})


@attrs.frozen
class Settings:
    """The engine's own settings. Those of plugins are in sections of their own."""

    confirmation_flow: str = setting("email", "The flow that a pending user enters.")
    reset_flow: str = setting("email", "The flow that replaces a forgotten password.")
    notice_flow: str = setting("email", "The reset flow that tells owners about requests.")
    transport: str | None = setting(None, "What carries messages: smtp, folder, console, …")
    password_provider: str = setting(
        "local-userpass", "The provider that users register with by default."
    )
    templates: Path | None = setting(
        None, "A folder whose templates replace the built-in ones.", where=NOT_IN_STORE
    )
    address_policy: str = setting(
        "reserve",
        "reserve: a pending user holds its address. first-proof: who proves it first gets it.",
        choices=("reserve", "first-proof"),
    )
    # Bounds of the four lifetimes: security.md T5, wire-contract.md §3.
    token_lifetime: timedelta = setting(
        timedelta(minutes=30),
        "How long a confirmation token lives after it was sent.",
        minimum=timedelta(minutes=1),
        maximum=timedelta(hours=24),
    )
    reset_token_lifetime: timedelta = setting(
        timedelta(minutes=30),
        "How long a reset token lives after it was sent.",
        minimum=timedelta(minutes=1),
        maximum=timedelta(hours=1),
    )
    access_token_lifetime: timedelta = setting(
        timedelta(minutes=30),
        "How long an access token lives.",
        minimum=timedelta(minutes=5),
        maximum=LONGEST_ACCESS,
    )
    refresh_token_lifetime: timedelta = setting(
        timedelta(days=60),
        "How long a session lives without log-in.",
        minimum=timedelta(minutes=30),
        maximum=LONGEST_SESSION,
    )
    fresh_log_in_within: timedelta | None = setting(
        timedelta(minutes=5),
        "How old a log-in may be for link, unlink, delete and the like; none: any.",
        minimum=timedelta(minutes=1),
        maximum=timedelta(hours=24),
    )
    refresh_token_rotation: bool = setting(
        False, "Whether each refresh gives a new refresh token, and the use of an old one ends all."
    )
    refresh_token_grace: timedelta = setting(
        timedelta(seconds=30),
        "How long a replaced refresh token gives the new one again, for a lost answer.",
        minimum=timedelta(0),
        maximum=timedelta(minutes=2),
    )
    max_sessions_a_user: int = setting(
        20, "Sessions of one user; one more log-in ends the oldest.", minimum=1, maximum=1000
    )
    sessions_end_at_once: bool = setting(
        True,
        "Whether verify looks up session and user; if not, what ended is good until it expires.",
        where=NOT_IN_STORE,
    )
    access_token_algorithm: str = setting(
        "HS256",
        "What access tokens are signed with; all but HS256 let others verify them.",
        choices=("HS256", "EdDSA", "ES256", "RS256"),
        where=NOT_IN_STORE,
    )
    token_issuer: str | None = setting(
        None, "Who access tokens say they are from (iss), and must be.", where=NOT_IN_STORE
    )
    token_audience: str | None = setting(
        None, "Who access tokens say they are for (aud), and must be.", where=NOT_IN_STORE
    )
    cool_down: timedelta = setting(
        timedelta(seconds=60),
        "How long a stranger or user waits between two messages to one address.",
        minimum=timedelta(0),
        maximum=timedelta(hours=24),
    )
    requests_per_client: int = setting(
        60,
        "Requests that strangers of one network address may make in ten minutes.",
        minimum=10,
        maximum=100_000,
    )
    redirect_lifetime: timedelta = setting(
        timedelta(minutes=10),
        "How long a browser that was sent to a provider may take to come back.",
        minimum=timedelta(minutes=1),
        maximum=timedelta(hours=1),
    )
    wrong_passwords_a_client: int = setting(
        10,
        "Wrong passwords for one account that a network may try in 15 minutes.",
        minimum=3,
        maximum=1000,
    )
    wrong_passwords_an_account: int = setting(
        30,
        "Wrong passwords for one account in 15 minutes, after which unknown networks have one try.",
        minimum=5,
        maximum=10_000,
    )
    expire_pending_after: timedelta | None = setting(
        None,
        "When a user that was never confirmed expires; none: never.",
        minimum=timedelta(hours=1),
        maximum=timedelta(days=36_500),
    )
    expire_anonymous_after: timedelta | None = setting(
        timedelta(days=90),
        "When an anonymous user that was not seen since expires; none: never.",
        minimum=timedelta(days=1),
        maximum=timedelta(days=36_500),
    )
    deletion_grace: timedelta | None = setting(
        None,
        "How long a deleted user can be restored; none: deleted at once.",
        minimum=timedelta(hours=1),
        maximum=timedelta(days=365),
    )
    audit_retention: timedelta = setting(
        timedelta(days=400),
        "How long tombstones and events of deleted users are kept.",
        minimum=timedelta(days=1),
        maximum=timedelta(days=36_500),
    )
    erase_within: timedelta = setting(
        timedelta(days=1),
        "How soon what was erased is gone from the store's files.",
        minimum=timedelta(minutes=1),
        maximum=timedelta(days=365),
    )
    erase_steps_within: timedelta = setting(
        timedelta(days=30),
        "How long an erase step that fails is tried again before it is given up.",
        minimum=timedelta(hours=1),
        maximum=timedelta(days=365),
    )
    refusal_retention: timedelta = setting(
        timedelta(days=90),
        "How long events of refusals and of what strangers asked for are kept.",
        minimum=timedelta(days=1),
        maximum=timedelta(days=36_500),
    )
    custom_data_bytes: int = setting(
        262_144,
        "How many bytes of JSON the custom data of one user may have.",
        minimum=1024,
        maximum=16_777_216,
    )
    custom_data_in_access_token: bool = setting(
        False, "Whether access tokens carry the custom data, up to 4,096 bytes, as `user_data`."
    )
    password_min_length: int = setting(
        8, "The fewest characters of a new password.", minimum=6, maximum=64
    )
    password_max_length: int = setting(
        1024, "The most characters of a new password.", minimum=128, maximum=LONGEST_PASSWORD
    )
    api_keys_a_user: int = setting(20, "API keys that one user may have.", minimum=0, maximum=1000)
    server_api_keys: int = setting(
        100, "API keys that the application's servers may have.", minimum=0, maximum=10_000
    )
    must_change_is_enforced: bool = setting(
        True, "Whether a password that an admin chose must be changed before a log-in."
    )
    # None: argon2-cffi's own default, RFC 9106's low-memory profile (security.md P3).
    password_time_cost: int | None = setting(
        None, "argon2id: passes over the memory.", minimum=1, where=CODE_ONLY
    )
    password_memory_kibibytes: int | None = setting(
        None, "argon2id: memory of one hash, KiB.", minimum=8, where=CODE_ONLY
    )
    password_parallelism: int | None = setting(None, "argon2id: lanes.", minimum=1, where=CODE_ONLY)
    hashes_at_once: int | None = setting(
        None,
        "Hashes computed at once; none: as many as there are cores.",
        minimum=1,
        where=NOT_IN_STORE,
    )
    hashes_waiting: int = setting(
        64,
        "Hashes that may wait for their turn; beyond it: try later.",
        minimum=0,
        where=NOT_IN_STORE,
    )


def fields(section: type) -> Mapping[str, tuple[Any, About, Any]]:
    """Return the settings of a section: name → (type, what is known of it, default).

    Raises:
        TypeError: it is no attrs class, or a field was not made with `setting`.
    """
    hints = get_type_hints(section)
    found = {}
    for attribute in attrs.fields(section):
        about = attribute.metadata.get(_ADMIT)
        if not isinstance(about, About):
            raise TypeError(f"{section.__name__}.{attribute.name} was not made with admit.setting")
        found[attribute.name] = (hints[attribute.name], about, attribute.default)
    return found


def parse(name: str, kind: Any, about: About, value: object) -> object:
    """Return *value* – of the right type, or as text from a file, the environment, a flag – as
    the setting's own type.

    Raises:
        InvalidSetting: it cannot be read as one, or is out of bounds. A secret is never quoted.
    """
    types = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    if value is None or (isinstance(value, str) and value.lower() == "none"):
        if NoneType in types:
            return None
        if types == (WORDS,):
            return ()
        raise InvalidSetting(name, "must have a value.")
    target = next(t for t in types if t is not NoneType)
    result = _READERS[target](name, value)
    if about.choices is not None and result not in about.choices:
        raise InvalidSetting(name, f"must be one of {', '.join(about.choices)}.")
    if about.minimum is not None and result < about.minimum:
        raise InvalidSetting(name, f"must be at least {to_text(about.minimum)}.")
    if about.maximum is not None and result > about.maximum:
        raise InvalidSetting(name, f"must be at most {to_text(about.maximum)}.")
    return result


def to_text(value: object) -> str:
    """Return a setting's value as people write it; `parse` reads it back (a secret excepted)."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return _duration_text(value)
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value)


def to_json(value: object) -> object:
    """Return the form of a value that a store keeps; `parse` reads it back."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str | int | float | NoneType):
        return value
    return to_text(value)


_UNITS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|m|s)(?:ays?|ours?|inutes?|in|econds?|ec)?\s*")


def _duration(name: str, value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return _read_duration(name, value)
    except (OverflowError, ValueError):
        raise InvalidSetting(name, "is longer than time goes.") from None


def _read_duration(name: str, value: object) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    text = value.strip().lower() if isinstance(value, str) else ""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    if not text or _PART.sub("", text):
        raise InvalidSetting(name, "must be a duration.", "Write it like 30 minutes, 12h or 90s.")
    return timedelta(
        seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    )


def _duration_text(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g} {unit if seconds != size else unit[:-1]}"
    return "1 second" if seconds == 1 else f"{seconds:g} seconds"


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidSetting(name, f"must be text, not {type(value).__name__}.")
    if len(value) > LONGEST_TEXT or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidSetting(name, f"must be Unicode text of at most {LONGEST_TEXT} characters.")
    return value


def _secret(name: str, value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise InvalidSetting(name, "must be text.")
    return Secret(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InvalidSetting(name, "must be a whole number.")


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        value = _text(name, value)
    try:
        number = float(value)
    except (OverflowError, ValueError):
        number = math.nan
    if not math.isfinite(number):  # not a number at all passes every bound
        raise InvalidSetting(name, "must be a number.")
    return number


def _truth(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in {"true", "yes", "on", "1"}:
        return True
    if word in {"false", "no", "off", "0"}:
        return False
    raise InvalidSetting(name, "must be true or false.")


def _words(name: str, value: object) -> tuple[str, ...]:
    given = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise InvalidSetting(name, "must be words.", "Write them with commas between them.")
    words = [_text(name, word).strip() for word in given]
    if any("," in word or not word.isprintable() for word in words):
        raise InvalidSetting(name, "must be words without commas.")
    _text(name, ",".join(words))
    return tuple(word for word in words if word)


def _path(name: str, value: object) -> Path:
    if isinstance(value, Path):
        return value
    return Path(_text(name, value))


_READERS: Final[Mapping[Any, Any]] = {
    str: _text,
    Secret: _secret,
    bool: _truth,
    int: _whole,
    float: _number,
    timedelta: _duration,
    Path: _path,
    WORDS: _words,
}
