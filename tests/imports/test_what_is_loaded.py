"""What importing admit loads, and when: a start-up cost that everybody pays."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import admit

FIVE_LIBRARIES = {"argon2", "attr", "attrs", "pluggy", "transitions"}
"""Four of the five, attrs under both its names: TinyDB's format is written without TinyDB."""
WHAT_THEY_NEED = {"_argon2_cffi_bindings", "_cffi_backend", "six", "sortedcontainers"}

_PROBE = """
import sys
before = set(sys.modules)
{code}
import json
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh process has more after *code*."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.format(code=code)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def foreign(modules: set[str]) -> set[str]:
    """Return the packages among *modules* that are neither admit's nor Python's."""
    return {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"admit"}


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "admit"}


def test_import_admit_loads_nothing_else() -> None:
    """
    Given a fresh process,
    when admit is imported,
    then no library and no other module of its own is: each name waits until it is asked for.
    """
    modules = loaded_by("import admit")

    assert {"admit"} == ours(modules)
    assert set() == foreign(modules)


def test_a_plugin_module_loads_no_engine() -> None:
    """
    Given a fresh process,
    when a plugin's module takes its mark and the records it speaks with,
    then neither use cases, nor hashing, nor the state machine come along.
    """
    modules = loaded_by("from admit import Entry, Outcome, Settings, User, hookimpl, setting")

    assert {"attr", "attrs", "pluggy"} == foreign(modules)
    private = {name for name in ours(modules) if name.startswith("admit._")}
    assert set() == private


def test_an_engine_at_work_loads_its_own_libraries_alone() -> None:
    """
    Given a fresh process,
    when an engine on a memory store registers, confirms and logs in somebody by password,
    then no web framework, database, template engine or event loop is loaded.
    """
    modules = loaded_by(
        "import admit\n"
        "from admit.plugins import auto, password\n"
        "from admit.testing import CHEAP_HASHING, KEY, MemoryStore\n"
        "settings = {**CHEAP_HASHING, 'confirmation_flow': 'auto'}\n"
        "plugins = [auto, password]\n"
        "with admit.open(MemoryStore(), key=KEY, discover=False, plugins=plugins,\n"
        "                settings=settings) as engine:\n"
        "    engine.register('ada@example.com', 'correct horse battery staple')\n"
        "    login = engine.log_in('local-userpass', username='ada@example.com',\n"
        "                          password='correct horse battery staple')\n"
        "    engine.verify(login.access_token)\n"
    )

    assert FIVE_LIBRARIES | WHAT_THEY_NEED >= foreign(modules)
    waits = {"asyncio", "difflib", "email", "http", "importlib.metadata", "socket", "ssl"}
    assert set() == waits & modules
    rare = {"admit.survey", "admit.storage", "admit.cli"}
    assert set() == rare & modules


def test_providers_of_others_load_nothing_before_somebody_comes_in() -> None:
    """
    Given the providers that ask somebody else's server,
    when an engine has loaded them,
    then no HTTP client, no TLS and no cryptography is there until the first log-in.
    """
    modules = loaded_by(
        "import admit\n"
        "from admit.plugins.oidc import apple, facebook, generic, google\n"
        "from admit.testing import CHEAP_HASHING, KEY, MemoryStore\n"
        "plugins = [apple, facebook, generic, google]\n"
        "with admit.open(MemoryStore(), key=KEY, discover=False, plugins=plugins,\n"
        "                settings=CHEAP_HASHING):\n"
        "    pass\n"
    )

    assert FIVE_LIBRARIES | WHAT_THEY_NEED >= foreign(modules)
    assert set() == {"http.client", "socket", "ssl", "urllib.request"} & modules


@pytest.mark.parametrize("name", admit.__all__)
def test_each_public_name_is_there(name: str) -> None:
    """
    Given the list of public names,
    when one is asked for,
    then it is what its module has under that name.
    """
    found = getattr(admit, name)

    assert name in dir(admit)
    assert found is getattr(admit, name)


def test_type_checkers_and_programs_find_the_same_names() -> None:
    """
    Given that type checkers read imports that no program executes,
    when both lists are compared,
    then each name has one home.
    """
    tree = ast.parse(Path(admit.__file__).read_text("utf-8"))
    branch = next(node for node in tree.body if isinstance(node, ast.If))
    read = {
        alias.name: f"admit.{imported.module}"
        for imported in branch.body
        if isinstance(imported, ast.ImportFrom)
        for alias in imported.names
    }

    assert sorted(read) == admit.__all__
    homes = {name: f"admit.{module}" for name, module in vars(admit)["_HOME"].items()}
    assert read == homes


def test_public_modules_are_there_without_an_import_of_their_own() -> None:
    """
    Given that `import admit` alone was said,
    when a program names one of its public modules, say for an `except`,
    then it is loaded.
    """
    modules = loaded_by("import admit\nadmit.errors.UserNotFound")

    assert {"admit", "admit.errors"} <= ours(modules)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """
    Given a misspelt name, and a private module,
    when they are asked for as attributes,
    then Python's own error says so, as for any module.
    """
    with pytest.raises(AttributeError, match="no attribute 'Enginge'"):
        admit.Enginge  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(admit, "_usecases.bulk")


@pytest.mark.parametrize("module", ["asgi", "wsgi"])
def test_the_help_for_web_applications_loads_no_framework(module: str) -> None:
    """Given the bare interfaces, then neither FastAPI nor Flask nor the server comes along."""
    modules = loaded_by(f"import admit.web.{module}")

    assert {"attr", "attrs"} >= foreign(modules)
    assert set() == {name for name in ours(modules) if name.startswith("admit.server")}


@pytest.mark.parametrize(
    ("module", "others"), [("fastapi", {"flask", "werkzeug"}), ("flask", {"fastapi", "starlette"})]
)
def test_the_help_for_one_framework_loads_no_other(module: str, others: set[str]) -> None:
    """Given the module for one framework, then the other one's is not needed."""
    assert set() == others & foreign(loaded_by(f"import admit.web.{module}"))
