"""docs/hooks.md has every hook, with its exact signature, its kind and an example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from admit import hookspecs

PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text("utf-8")
HOOKS: dict[str, Callable[..., Any]] = {
    name: member
    for name, member in vars(hookspecs).items()
    if inspect.isfunction(member) and name.startswith(("register_", "before_", "after_"))
}
KINDS = {"register": "registering", "before": "veto", "after": "notification"}


def signature(name: str) -> str:
    """Return `before_register(request)`."""
    return f"{name}({', '.join(inspect.signature(HOOKS[name]).parameters)})"


def test_the_page_has_the_hooks_in_the_order_of_the_module() -> None:
    """None is missing, none is left over, each has its exact signature."""
    headings = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)

    assert [signature(name) for name in HOOKS] == headings


@pytest.mark.parametrize("name", HOOKS)
def test_a_section_says_kind_and_when_and_has_an_example(name: str) -> None:
    """Each answers the same questions as the docstring, and shows the hook filled."""
    section = PAGE.partition(f"### `{signature(name)}`")[2].partition("\n### ")[0]
    section = " ".join(section.split())

    kind = KINDS[name.partition("_")[0]]
    assert f"Kind: {kind}." in (HOOKS[name].__doc__ or "")
    for part in (f"*Kind:* {kind}.", "*Called:* ", "*Answer:* ", f"@admit.hookimpl def {name}("):
        assert part in section
