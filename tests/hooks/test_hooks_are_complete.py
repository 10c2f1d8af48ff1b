"""Each hook has its test, its section in the docs, and says the same four things."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from admit import hookspecs

EACH_HOOK = [
    Path(__file__).with_name(name) for name in ("test_each_hook.py", "test_each_event_hook.py")
]
HOOKS_PAGE = Path(__file__).parents[2] / "docs" / "hooks.md"

HOOKS: dict[str, Callable[..., object]] = {
    name: member
    for name, member in vars(hookspecs).items()
    if inspect.isfunction(member) and member.__module__ == hookspecs.__name__
}


def test_every_hook_begins_with_its_kind() -> None:
    """A plugin author can tell from the first word what a hook is for."""
    assert {"register", "before", "after"} == {name.partition("_")[0] for name in HOOKS}


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_test_of_its_own(name: str) -> None:
    """A hook without a test of its name is not held by anybody."""
    written = "".join(file.read_text("utf-8") for file in EACH_HOOK)

    assert f"\ndef test_hook_{name}(" in written


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_its_exact_signature_in_the_docs(name: str) -> None:
    """The page of hooks gives each one its signature as a heading, word for word."""
    arguments = ", ".join(inspect.signature(HOOKS[name]).parameters)

    headings = HOOKS_PAGE.read_text("utf-8").splitlines()

    assert 1 == headings.count(f"### `{name}({arguments})`")


def test_the_docs_know_no_hook_that_does_not_exist() -> None:
    """A heading that looks like a hook is one."""
    headings = [
        line.removeprefix("### `").partition("(")[0]
        for line in HOOKS_PAGE.read_text("utf-8").splitlines()
        if line.startswith("### `")
    ]

    assert set(HOOKS) == set(headings)


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_says_the_same_four_things(name: str) -> None:
    """The docstring of a hook says its kind, when it is called, what it may answer, and what
    happens when it raises."""
    said = inspect.getdoc(HOOKS[name]) or ""

    assert [] == [word for word in ("Kind: ", "Called: ", "Answer: ", "Raises") if word not in said]
