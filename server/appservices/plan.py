"""What moving in would do: what carries over, what is missing, what stays behind, what is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import attrs

import admit
from admit.errors import InvalidInput
from admit.masked import Secret

from .exported import Exported
from .findings import FunctionNeeded, Left, Problem, SecretNeeded
from .provider_settings import Carried, read_providers
from .still_to_do import Missing, callbacks, left_behind, missing_settings

_APP_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_TARGET: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@attrs.frozen(kw_only=True)
class Given:
    """What whoever moves in adds to the export."""

    app_id: str | None = None
    """The client app id, where the export does not have it."""
    public_url: str | None = None
    """The URL that clients will reach the server by."""
    secrets: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Values of secrets, by their names."""
    functions: Mapping[str, str] = attrs.field(factory=dict)
    """`module:callable`, by the function's name."""


@attrs.frozen(kw_only=True)
class Plan:
    """What moving in would do. Nothing was done."""

    layout: str
    app_id: str
    environment: str
    store: Mapping[str, object]
    """Settings for the store: an admin may change them while engines run."""
    file: Mapping[str, object] = attrs.field(repr=False)
    """Settings for admit.toml; secrets are masked."""
    targets: Mapping[str, str]
    """Functions whose callables are known."""
    functions: tuple[FunctionNeeded, ...]
    """Functions that have to be written, by name."""
    secrets: tuple[SecretNeeded, ...]
    """Secrets whose values are not known."""
    missing: tuple[Missing, ...]
    left: tuple[Left, ...]
    problems: tuple[Problem, ...]
    """What is wrong; with one of these, nothing is done."""

    def checked(self) -> Plan:
        """Return this if nothing is wrong. Raises InvalidInput: the first problem."""
        for problem in self.problems:
            raise problem.error()
        return self


def plan_moving_in(exported: Exported, given: Given) -> Plan:
    """Return what it would mean to move *exported* in. Every value was checked as an engine would.

    What is wrong is in the plan's `problems`.
    """
    problems = list(exported.problems)
    app_id = _app_id(exported, given, problems)
    carried = read_providers(exported.providers, app_id=app_id or "app")
    problems += [one for one in carried.problems if not _follows(one, exported.problems)]
    values, unknown = _secrets(exported, carried, given)
    file: dict[str, object] = {**_of_the_server(exported, given, app_id, problems), **values}
    known = {name for _, name in _named_secrets(carried)}
    for name in sorted(given.secrets.keys() - known):
        problems.append(Problem(field=f"secrets.{name}", rule="is a secret that nothing asks for."))
    problems += _wrong_targets(exported, carried, given)
    settings = {**carried.settings, **_of_custom_data(exported, problems)}
    settings |= callbacks(settings, given.public_url)
    store: dict[str, object] = {}
    if not problems:
        try:
            with _checking({**settings, **file}) as engine:
                checked = attrs.evolve(carried, settings=settings)
                store = checked.for_store(engine, functions=False)
                file |= checked.for_file(engine, functions=True)
        except InvalidInput as error:
            problems.append(Problem(field=error.field, rule=error.rule, next_step=error.next_step))
    needed = dict.fromkeys(f for f in carried.functions if f.name not in given.functions)
    return Plan(
        layout=exported.layout,
        app_id=app_id,
        environment=exported.environment,
        store=store,
        file=file,
        targets=dict(given.functions),
        functions=tuple(needed),
        secrets=unknown,
        missing=tuple(missing_settings(settings, given.public_url)),
        left=(
            *carried.left,
            *exported.left,
            *left_behind(exported, carried, settings, given.public_url),
        ),
        problems=tuple(problems),
    )


def _follows(problem: Problem, known: Sequence[Problem]) -> bool:
    """Whether *problem* is about a field whose value could not be read in the first place."""
    places = [one.field.replace(".json.", ".") for one in known]
    return any(place.endswith((f".{problem.field}", f"/{problem.field}")) for place in places)


def _app_id(exported: Exported, given: Given, problems: list[Problem]) -> str:
    app_id = given.app_id or exported.app_id
    if app_id is None:
        problems.append(
            Problem(
                field="app_id",
                rule="is not in this export: the current layout has internal ids only.",
                next_step="Name the client app id, as clients do: --app-id shop-abcde.",
            )
        )
    elif not _APP_ID.fullmatch(app_id):
        problems.append(Problem(field="app_id", rule="must be letters, digits, hyphens and dots."))
    return app_id or ""


def _of_the_server(
    exported: Exported, given: Given, app_id: str, problems: list[Problem]
) -> dict[str, object]:
    for origin in exported.allowed_origins:
        if not _is_origin(origin):
            problems.append(
                Problem(
                    field="allowed_request_origins",
                    rule=f"{origin!r:.80} is no origin.",
                    next_step="Write it like https://shop.example.",
                )
            )
    url = None if given.public_url is None else given.public_url.rstrip("/")
    if url is not None and not _is_origin(url):
        problems.append(
            Problem(
                field="public_url",
                rule="must be scheme and host.",
                next_step="Write it like https://accounts.shop.example.",
            )
        )
    found: dict[str, object] = {
        "server.app_id": app_id,
        "server.internal_id": exported.internal_id,
        "server.group_id": exported.group_id,
        "server.allowed_origins": exported.allowed_origins or None,
        "server.public_url": url,
    }
    return {name: value for name, value in found.items() if value is not None}


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and text == f"{parts.scheme}://{parts.netloc}"
        and "@" not in text
        and "," not in text
        and text.isprintable()
        and " " not in text
    )


def _of_custom_data(exported: Exported, problems: list[Problem]) -> dict[str, object]:
    enabled = exported.custom_user_data.get("enabled")
    if enabled is None or isinstance(enabled, bool):
        return {"custom_data_in_access_token": True} if enabled else {}
    problems.append(Problem(field="custom_user_data.enabled", rule="must be true or false."))
    return {}


def _named_secrets(carried: Carried) -> Iterator[tuple[str, str]]:
    """Yield where the values of a legacy `secrets.json` stand, and the name, of each secret."""
    places: dict[str, int] = {}
    for secret in carried.secrets:
        place = places[secret.field] = places.get(secret.field, -1) + 1
        yield f"{secret.field.replace('.secret_config', '')}[{place}]", secret.name


def _secrets(
    exported: Exported, carried: Carried, given: Given
) -> tuple[dict[str, object], tuple[SecretNeeded, ...]]:
    """Return setting → the secret's value, and the secrets of which none is known."""
    values: dict[str, list[str]] = {}
    unknown = []
    for secret, (place, name) in zip(carried.secrets, _named_secrets(carried), strict=True):
        found = exported.secret_values
        value = given.secrets.get(name) or found.get(name) or found.get(place)
        if value:
            values.setdefault(secret.setting, []).append(value)
        else:
            unknown.append(secret)
    texts = {setting: "\n".join(each) for setting, each in values.items()}
    keys = "custom-token.keys"  # public ones, and no Secret
    return (
        {name: text if name == keys else Secret(text) for name, text in texts.items()},
        tuple(unknown),
    )


def _wrong_targets(exported: Exported, carried: Carried, given: Given) -> Iterator[Problem]:
    known = {*exported.functions, *(function.name for function in carried.functions)}
    for name, target in given.functions.items():
        if name not in known:
            yield Problem(
                field=f"functions.{name}",
                rule="is no function of this application.",
                next_step=f"Known: {', '.join(sorted(known)) or 'none'}.",
            )
        elif not _TARGET.fullmatch(target):
            yield Problem(
                field=f"functions.{name}",
                rule="must be module:callable.",
                next_step="Write it like confirmUser=shop.accounts:confirm.",
            )


def as_planned(plan: Plan) -> admit.Engine:
    """Return an engine on an empty store in memory, set to what a sound plan says."""
    return _checking({**plan.store, **plan.file})


def _checking(settings: Mapping[str, object]) -> admit.Engine:
    """Return an engine on an empty store in memory, which has checked *settings* as it opened."""
    return admit.open(
        "memory://", key=bytes(32), config=os.devnull, settings=settings, worker=False
    )
