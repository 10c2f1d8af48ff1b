"""Whatever stands in an export: it is told, or it moves in; nothing else happens."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from admit.server.appservices.config_file import config_text
from admit.server.appservices.exported import Exported
from admit.server.appservices.plan import Given, as_planned, plan_moving_in
from admit.server.appservices.provider_settings import provider_objects, read_providers

PROVIDERS = json.loads(
    (Path(__file__).parent / "fixtures/current/auth/providers.json")
    .read_text()
    .replace("%(%%environment.values.pages)", "https://shop.example")
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["", ",", "=", "a=b", "a,b", "https://x.example", "*", "none", "RS256"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to each value in *value*."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, one in inner:
        found.append((*path, name))
        if isinstance(one, dict | list):
            found += places(one, (*path, name))
    return found


def like(value: object) -> st.SearchStrategy[object]:
    """Return values that could stand in the place of *value*."""
    match value:
        case bool():
            return st.booleans()
        case str():
            return st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
        case list():
            return st.just(value[1:])
    return st.none()


@st.composite
def spoiled(draw: st.DrawFn) -> list[Any]:
    """Return the providers of an export in which one to three values are something else."""
    providers = copy.deepcopy(PROVIDERS)
    for path in draw(st.lists(st.sampled_from(places(PROVIDERS)), min_size=1, max_size=3)):
        target: Any = providers
        try:
            for name in path[:-1]:
                target = target[name]
            target[path[-1]] = draw(like(target[path[-1]]) if draw(st.booleans()) else ANYTHING)
        except (TypeError, KeyError, IndexError):
            continue  # what it was in is something else already
    return list(providers.values())


@settings(max_examples=150, deadline=None)
@given(providers=spoiled(), origin=st.text(max_size=20))
def test_whatever_an_export_says_is_told_or_moves_in(providers: list[Any], origin: str) -> None:
    """
    Given an export in which some values are anything else,
    when it is to move in,
    then each problem has a field, a rule and a next step; and without one, admit.toml is TOML that
    says what the plan says, and an engine takes all of it.
    """
    exported = Exported(
        layout="current",
        app_id="shop-abcde",
        allowed_origins=(origin,) if origin else (),
        providers=tuple(providers),
    )

    plan = plan_moving_in(exported, Given())

    event("told" if plan.problems else "moves in")
    for problem in plan.problems:
        assert problem.field
        assert problem.rule
        assert problem.next_step
    if not plan.problems:
        sections = tomllib.loads(config_text(plan))
        written = {
            f"{section}.{name}"
            for section, values in sections.items()
            if section != "functions"
            for name in values
        }
        assert plan.file.keys() == written
        with as_planned(plan) as engine:
            objects = provider_objects(engine)
        again = read_providers(objects.values(), app_id="shop-abcde")
        assert () == again.problems


@given(anything=st.lists(ANYTHING, max_size=4))
def test_anything_at_all_is_told(anything: list[Any]) -> None:
    """
    Given a list of anything,
    when it is read as provider objects,
    then what is none is told.
    """
    carried = read_providers(anything, app_id="shop-abcde")

    assert len(carried.problems) >= len([one for one in anything if not isinstance(one, dict)])
