"""The provider `custom-token`, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from admit.errors import InvalidSetting
from admit.plugins.custom_token_claims import LONGEST_FIELD, path_parts
from admit.plugins.fetching import check_url

from .findings import LONGEST_NAME, Fields, Findings, SecretNeeded

NAME: Final = "custom-token"
_ALGORITHMS: Final = ("HS256", "RS256")
_SECRETS: Final = ("custom-token.secret", "custom-token.former_secret")
"""Where signing keys of HS256 belong: the first is the one in use."""


def read_custom_token(fields: Fields, found: Findings, app_id: str) -> None:
    """Read `custom-token`; *app_id* is the audience where none is named."""
    config = fields.inner("config")
    audience = config.texts("audience") or (app_id,)
    _no_commas(config.name("audience"), audience, found)
    found.settings["custom-token.audience"] = audience
    found.settings["custom-token.every_audience"] = not config.truth("requireAnyAudience")
    by_url = config.truth("useJWKURI")
    url = config.text("jwkURI")
    algorithm = config.text("signingAlgorithm") or ("RS256" if by_url else "HS256")
    if algorithm not in _ALGORITHMS:
        found.problem(config.name("signingAlgorithm"), "must be HS256 or RS256.")
    if by_url:
        _keys_behind(config, found, url, algorithm)
    else:
        found.set("custom-token.jwks_url", None)
    if url and not by_url:
        found.keep("config", "jwkURI", url)
        found.leave(
            config.name("jwkURI"), "useJWKURI is false, so it is kept for the way back only."
        )
    found.settings["custom-token.algorithms"] = ("RS256",) if by_url or algorithm == "RS256" else ()
    secrets = fields.inner("secret_config")
    names = secrets.texts("signingKeys", most=LONGEST_NAME)
    if names:
        found.keep("secret_config", "signingKeys", list(names))
    if not by_url:
        _signing_keys(secrets.name("signingKeys"), names, algorithm, found)
        if not names and not fields.truth("disabled"):
            found.problem(
                secrets.name("signingKeys"),
                "is missing, and useJWKURI is false: no token could be verified.",
                "Name the secret that tokens are signed with, or disable the provider.",
            )
    _metadata(fields, found)
    secrets.keep_rest("secret_config")
    config.keep_rest("config")


def write_custom_token(values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of `custom-token`."""
    url = values["custom-token.jwks_url"]
    by_public_key = bool(values["custom-token.algorithms"])
    if values["custom-token.secret"] is not None and url is None:
        by_public_key = values["custom-token.keys"] is not None
    names = kept.get("secret_config", {}).get("signingKeys")
    if names is None:
        set_ = [name for name in (*_SECRETS, "custom-token.keys") if values[name] is not None]
        names = [f"{name.replace('.', '-').replace('_', '-')}" for name in set_]
    required = set(values["custom-token.required"])
    metadata = [
        {"required": field in required, "name": path, "field_name": field}
        for path, field in map(_read_word, values["custom-token.metadata"])
    ]
    return {
        "config": {
            "audience": list(values["custom-token.audience"]),
            "requireAnyAudience": not values["custom-token.every_audience"],
            "signingAlgorithm": "RS256" if by_public_key else "HS256",
            "useJWKURI": url is not None,
            **({} if url is None else {"jwkURI": url}),
        },
        "secret_config": {"signingKeys": names},
        "metadata_fields": metadata,
    }


def _keys_behind(config: Fields, found: Findings, url: str, algorithm: str) -> None:
    where = config.name("jwkURI")
    if algorithm == "HS256":
        found.problem(config.name("signingAlgorithm"), "must be RS256, for useJWKURI is true.")
    try:
        check_url(where, url)
    except InvalidSetting as problem:
        found.problem(where, problem.rule, problem.next_step)
    found.settings["custom-token.jwks_url"] = url


def _signing_keys(where: str, names: Sequence[str], algorithm: str, found: Findings) -> None:
    if algorithm == "HS256":
        settings: Sequence[str] = _SECRETS
    else:
        settings = ["custom-token.keys"] * len(names)  # one text takes several keys in PEM
    for name, setting in zip(names, settings, strict=False):
        found.secrets.append(SecretNeeded(name=name, field=where, setting=setting))
    for name in names[len(settings) :]:
        found.leave(where, f"the secret {name!r}: two keys of HS256 are all that tokens may have.")


def _metadata(fields: Fields, found: Findings) -> None:
    words: dict[str, str] = {}
    required = []
    for at, item in enumerate(fields.items("metadata_fields")):
        where = f"{fields.name('metadata_fields')}[{at}]"
        one = Fields(where, item, found)
        path = one.text("name")
        field = one.text("field_name", most=LONGEST_FIELD) or (path_parts(path)[-1] if path else "")
        needed = one.truth("required")
        if not path:
            found.problem(f"{where}.name", "is missing.", "Name the claim.")
        elif field in words:
            found.problem(f"{where}.field_name", f"{field!r} is used twice.")
        elif not field or len(field) > LONGEST_FIELD or "=" in field:
            found.problem(
                f"{where}.field_name",
                f"must have 1 to {LONGEST_FIELD} characters and no equals sign.",
            )
        elif _no_commas(where, (path, field), found):
            words[field] = f"{path}={field}"
            required += [field] if needed else []
        for name in one.rest():
            found.leave(f"{where}.{name}", "is not known here.")
    found.set("custom-token.metadata", tuple(words.values()))
    found.set("custom-token.required", tuple(required))


def _no_commas(where: str, texts: Sequence[str], found: Findings) -> bool:
    if any("," in text for text in texts):
        found.problem(where, "must have no comma: settings are written with commas between them.")
        return False
    return True


def _read_word(word: str) -> tuple[str, str]:
    path, equals, field = word.rpartition("=")
    return (path, field) if equals else (word, ".".join(path_parts(word)))
