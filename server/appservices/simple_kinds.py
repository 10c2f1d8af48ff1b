"""The providers `anon-user`, `api-key`, `custom-function` and `local-userpass`, both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .findings import LONGEST_NAME, Fields, Findings, FunctionNeeded

PASSWORDS: Final = "local-userpass"
LONGEST_SUBJECT: Final = 256
"""Characters of a mail's subject (wire-contract.md §5)."""
_PAGE: Final = re.compile(r"(?!javascript:|data:)[a-z][a-z0-9+.-]*://[^\s\"<>\\]+", re.IGNORECASE)
"""The whole address of a page, also of an app's own scheme: what the setting takes."""
_BY_NAME: Final = "functions are known by name here; it is kept for the way back."


def read_nothing(fields: Fields, found: Findings) -> None:
    """Read the configuration of a provider that has none."""


def write_nothing(values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a provider that has none."""
    return {}


def read_custom_function(fields: Fields, found: Findings) -> None:
    """Read `custom-function`: who somebody is says the function of that name."""
    config = fields.inner("config")
    name = _function(config, found, "authFunctionName", "custom-function.function")
    _id(config, found, "authFunctionId")
    if not name and not fields.truth("disabled"):
        found.problem(
            config.name("authFunctionName"),
            "is missing.",
            "Name the function that logs users in, or disable the provider.",
        )
    config.keep_rest("config")


def write_custom_function(values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of `custom-function`."""
    return {"config": {"authFunctionName": values["custom-function.function"] or ""}}


def read_passwords(fields: Fields, found: Findings) -> None:
    """Read `local-userpass`: which flows are active, and what they say (wire-contract.md §5)."""
    config = fields.inner("config")
    auto = config.truth("autoConfirm")
    by_function = config.truth("runConfirmationFunction")
    function = _function(config, found, "confirmationFunctionName", "function.confirmation")
    _id(config, found, "confirmationFunctionId")
    if by_function and not auto and not function:
        _needs_function(config, found, "confirmationFunctionName", "runConfirmationFunction")
    if by_function and auto:
        found.keep("config", "runConfirmationFunction", True)
        found.leave(
            config.name("runConfirmationFunction"),
            "autoConfirm hides it; it is kept for the way back.",
        )
    found.settings["confirmation_flow"] = "auto" if auto else "function" if by_function else "email"
    _page(config, found, "emailConfirmationUrl", "email.link_base")
    _subject(config, found, "confirmEmailSubject", "email.subject")

    by_function = config.truth("runResetFunction")
    function = _function(config, found, "resetFunctionName", "function.reset")
    _id(config, found, "resetFunctionId")
    if by_function and not function:
        _needs_function(config, found, "resetFunctionName", "runResetFunction")
    found.settings["reset_flow"] = "function" if by_function else "email"
    _page(config, found, "resetPasswordUrl", "email.reset_link_base")
    _subject(config, found, "resetPasswordSubject", "email.reset_subject")
    config.keep_rest("config")


def write_passwords(values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of `local-userpass`."""
    return {
        "config": {
            "autoConfirm": values["confirmation_flow"] == "auto",
            "emailConfirmationUrl": values["email.link_base"] or "",
            "confirmEmailSubject": values["email.subject"] or "",
            "runConfirmationFunction": values["confirmation_flow"] == "function",
            "confirmationFunctionName": values["function.confirmation"] or "",
            "resetPasswordUrl": values["email.reset_link_base"] or "",
            "resetPasswordSubject": values["email.reset_subject"] or "",
            "runResetFunction": values["reset_flow"] == "function",
            "resetFunctionName": values["function.reset"] or "",
        }
    }


def _function(config: Fields, found: Findings, name: str, setting: str) -> str:
    function = config.text(name, most=LONGEST_NAME)
    found.set(setting, function)
    if function:
        found.functions.append(FunctionNeeded(name=function, setting=setting))
    return function


def _needs_function(config: Fields, found: Findings, name: str, switch: str) -> None:
    found.problem(
        config.name(name),
        f"is missing, and {switch} is true.",
        "Name the function, or switch it off.",
    )


def _id(config: Fields, found: Findings, name: str) -> None:
    given = config.text(name, most=LONGEST_NAME)
    if given:
        found.keep("config", name, given)
        found.leave(config.name(name), _BY_NAME)


def _page(config: Fields, found: Findings, name: str, setting: str) -> None:
    page = config.text(name)
    if page and not _PAGE.fullmatch(page):
        found.problem(
            config.name(name),
            "must be the whole address of a page.",
            "Write it like https://example.com/confirm.",
        )
    found.set(setting, page)


def _subject(config: Fields, found: Findings, name: str, setting: str) -> None:
    found.set(setting, config.text(name, most=LONGEST_SUBJECT))
