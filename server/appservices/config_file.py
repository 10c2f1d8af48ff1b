"""The text of an `admit.toml` for an application that moves in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from admit.masked import Secret
from admit.settings import to_text

from .plan import Plan

_HEAD: Final = """\
# Written by `admit import appservices`; from now on it is yours.
# What admins may change while engines run stands in the store: admit settings
"""
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def config_text(plan: Plan) -> str:
    """Return the file: settings, and in comments what is still to be filled in. It holds the values
    of secrets, so nobody but its owner may read it."""
    return "\n".join([_HEAD, *_top(plan), *_functions(plan), *_sections(plan)])


def _top(plan: Plan) -> Iterator[str]:
    for name, value in plan.file.items():
        if "." not in name:
            yield f"{name} = {_value(value)}"
    for missing in plan.missing:
        if "." not in missing.setting:
            yield f"# {missing.why}\n# {missing.setting} = \n"


def _functions(plan: Plan) -> Iterator[str]:
    names = dict.fromkeys(function.name for function in plan.functions)
    if plan.targets or names:
        yield "[functions]"
        yield from (f"{_key(name)} = {_value(t)}" for name, t in plan.targets.items())
        for name in names:
            yield f'# {_key(name)} = "your_module:callable"'
        yield ""


def _sections(plan: Plan) -> Iterator[str]:
    lines: dict[str, list[str]] = {}
    for full, value in plan.file.items():
        section, dot, name = full.partition(".")
        if dot:
            lines.setdefault(section, []).append(f"{name} = {_value(value)}")
    comments = [(s.setting, f"The value of the secret {s.name!r}.") for s in plan.secrets]
    comments += [(missing.setting, missing.why) for missing in plan.missing]
    for full, why in comments:
        section, dot, name = full.partition(".")
        if dot:
            lines.setdefault(section, []).append(f"# {_in_one_line(why)}\n# {name} = ")
    for section in sorted(lines):
        yield f"[{section}]"
        yield from lines[section]
        yield ""


def _value(value: object) -> str:
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    text = value.reveal() if isinstance(value, Secret) else to_text(value)
    # JSON's text is TOML's, but for one character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _in_one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def masked(values: Mapping[str, object]) -> dict[str, object]:
    """Return settings as they may be shown: what is secret is not."""
    return {
        name: "(secret)" if isinstance(value, Secret) else to_text(value)
        for name, value in values.items()
    }
