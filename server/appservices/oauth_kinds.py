"""The providers `oauth2-google`, `oauth2-facebook` and `oauth2-apple`, both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .findings import LONGEST_NAME, Fields, Findings, SecretNeeded

GOOGLE: Final = "oauth2-google"
FACEBOOK: Final = "oauth2-facebook"
APPLE: Final = "oauth2-apple"
_NAMES: Final = ("name", "first_name", "last_name", "picture", "email")
_TOLD: Final = {
    GOOGLE: _NAMES,
    FACEBOOK: (*_NAMES, "gender", "birthday", "min_age", "max_age"),
    APPLE: (),
}
"""What may stand in `metadata_fields` of each (wire-contract.md §6)."""
_NEVER_TOLD: Final = frozenset({"gender", "birthday", "min_age", "max_age"})
"""Facebook tells them after a review of the app only; the provider here does not ask for them."""
_DOMAIN: Final = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)+")


def read_google(fields: Fields, found: Findings) -> None:
    """Read `oauth2-google`."""
    config = _client(fields, found, GOOGLE)
    if config.has("openId"):
        found.keep("config", "openId", config.truth("openId"))
        found.leave(
            config.name("openId"),
            "id tokens and codes are both taken here; it is kept for the way back.",
        )
    _read_secret(fields, found, GOOGLE)
    config.keep_rest("config")
    _people(fields, found, GOOGLE)


def read_facebook(fields: Fields, found: Findings) -> None:
    """Read `oauth2-facebook`."""
    config = _client(fields, found, FACEBOOK)
    _read_secret(fields, found, FACEBOOK)
    config.keep_rest("config")
    _people(fields, found, FACEBOOK)


def read_apple(fields: Fields, found: Findings) -> None:
    """Read `oauth2-apple`: its secret, a token signed beforehand, has no setting here."""
    config = _client(fields, found, APPLE)
    secrets = fields.inner("secret_config")
    name = secrets.text("clientSecret", most=LONGEST_NAME)
    if name:
        found.keep("secret_config", "clientSecret", name)
        found.leave(
            secrets.name("clientSecret"),
            "Apple's secret is signed anew for each request here: set oauth2-apple.team_id, "
            "key_id and private_key. Id tokens alone need none of them.",
        )
    secrets.keep_rest("secret_config")
    config.keep_rest("config")
    _pages(fields, found, APPLE)


def write_oauth(
    provider: str, values: Mapping[str, Any], kept: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the configuration of one of the three."""
    names = kept.get("secret_config", {})
    if f"{provider}.client_secret" in values and not names:
        is_set = values[f"{provider}.client_secret"] is not None
        names = {"clientSecret": f"{provider}-client-secret"} if is_set else {}
    written: dict[str, Any] = {
        "config": {"clientId": values[f"{provider}.client_id"] or ""},
        "secret_config": dict(names),
        "redirect_uris": list(values[f"{provider}.return_uris"]),
    }
    if provider != APPLE:
        fields = values[f"{provider}.metadata_fields"]
        told = [name for name in _TOLD[provider] if name not in _NEVER_TOLD]
        required = kept.get("required", ())
        chosen = told if "*" in fields else [name for name in fields if name in _TOLD[provider]]
        written["metadata_fields"] = [
            {"required": name in required, "name": name} for name in chosen
        ]
        written["domain_restrictions"] = list(values[f"{provider}.allowed_domains"])
    if provider == GOOGLE:
        written["config"]["openId"] = False
    return written


def _client(fields: Fields, found: Findings, provider: str) -> Fields:
    config = fields.inner("config")
    client_id = config.text("clientId")
    found.set(f"{provider}.client_id", client_id)
    if not client_id and not fields.truth("disabled"):
        found.problem(
            config.name("clientId"),
            "is missing.",
            "Name the client id that the provider gave you, or disable the provider.",
        )
    return config


def _read_secret(fields: Fields, found: Findings, provider: str) -> None:
    secrets = fields.inner("secret_config")
    name = secrets.text("clientSecret", most=LONGEST_NAME)
    if name:
        found.keep("secret_config", "clientSecret", name)
        found.secrets.append(
            SecretNeeded(
                name=name,
                field=secrets.name("clientSecret"),
                setting=f"{provider}.client_secret",
            )
        )
    secrets.keep_rest("secret_config")


def _people(fields: Fields, found: Findings, provider: str) -> None:
    required = _metadata(fields, found, provider)
    _pages(fields, found, provider)
    domains = [domain.lower() for domain in fields.texts("domain_restrictions")]
    where = fields.name("domain_restrictions")
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            found.problem(where, f"{domain!r:.80} is no domain.", "Write it like example.com.")
    if domains and "email" not in required:
        found.problem(
            where,
            "needs the field email among metadata_fields, required.",
            "Add it, or take the restriction out.",
        )
    found.set(f"{provider}.allowed_domains", tuple(domains))


def _metadata(fields: Fields, found: Findings, provider: str) -> Sequence[str]:
    """Note which fields are kept of what the provider tells; return those that are required."""
    names: list[str] = []
    required: list[str] = []
    for at, item in enumerate(fields.items("metadata_fields")):
        where = f"{fields.name('metadata_fields')}[{at}]"
        one = Fields(where, item, found)
        name = one.text("name", most=LONGEST_NAME)
        needed = one.truth("required")
        one.text("field_name")
        for unknown in one.rest():
            found.leave(f"{where}.{unknown}", "is not known here.")
        if name not in _TOLD[provider]:
            found.problem(f"{where}.name", f"must be one of {', '.join(_TOLD[provider])}.")
            continue
        names.append(name)
        if name in _NEVER_TOLD:
            found.leave(where, f"{name} is not asked of Facebook here.")
        if needed:
            required.append(name)
            if name != "email" or not fields.has("domain_restrictions"):
                found.leave(
                    f"{where}.required",
                    f"who has no {name} is let in here; it is kept for the way back.",
                )
    if required:
        found.kept["required"] = required
    found.settings[f"{provider}.metadata_fields"] = tuple(dict.fromkeys(names))
    return required


def _pages(fields: Fields, found: Findings, provider: str) -> None:
    carried = []
    for uri in fields.texts("redirect_uris"):
        if "," in uri:
            found.leave(fields.name("redirect_uris"), f"{uri!r:.200} has a comma in it.")
        elif "://" not in uri:
            found.problem(
                fields.name("redirect_uris"),
                f"{uri!r:.80} is no whole address.",
                "Write it like https://example.com/callback.",
            )
        else:
            carried.append(uri)
    found.set(f"{provider}.return_uris", tuple(carried))
