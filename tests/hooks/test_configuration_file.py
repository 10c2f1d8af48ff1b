"""Plugins and functions that `admit.toml` names, and where that file is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import admit
from admit.errors import InvalidInput, InvalidSetting, PluginFailed, UnknownName
from admit.testing import CHEAP_HASHING, KEY

PASSWORD = "correct horse battery staple"

OpenPath = Callable[..., admit.Engine]
MakeModule = Callable[[str], str]

FUNCTIONS = """
    import admit

    def greet(call):
        return {"status": "success"}

    def refuse(call):
        return {"status": "fail"}

    number = 7
"""
PLUGIN = """
    import admit

    class Slip:
        name = "slip"
        inline = True

        def begin(self, entry, services):
            return admit.Outcome.success()

    @admit.hookimpl
    def register_confirmation_flows():
        return [Slip()]
"""


@pytest.fixture
def open_path() -> Iterator[OpenPath]:
    """Open an engine as an application does, but for key and hashing; closed after the test."""
    with ExitStack() as stack:

        def opened(store: Path, **options: Any) -> admit.Engine:
            code = {**CHEAP_HASHING, **options.pop("settings", {})}
            return stack.enter_context(admit.open(store, key=KEY, settings=code, **options))

        yield opened


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


# What it may say


def test_a_plugin_is_loaded_by_the_name_of_its_module(
    json_path: Path, open_path: OpenPath, make_module: MakeModule
) -> None:
    """
    Given a file that names a plugin's module and makes its flow the active one,
    when an engine opens on the store beside it,
    then the plugin is loaded and its flow is entered.
    """
    module = make_module(PLUGIN)
    write(
        json_path.with_name("admit.toml"),
        f'confirmation_flow = "slip"\nplugins = ["{module}"]\n',
    )

    engine = open_path(json_path)

    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state
    assert module in [plugin.name for plugin in engine.plugins()]


def test_n6_functions_are_named_as_module_and_callable(
    json_path: Path, open_path: OpenPath, make_module: MakeModule
) -> None:
    """
    Given a file that gives a callable a name, and a setting that uses it,
    when somebody registers,
    then the callable decides.
    """
    module = make_module(FUNCTIONS)
    write(
        json_path.with_name("admit.toml"),
        f"""
        confirmation_flow = "function"
        functions = {{greet = "{module}:greet"}}

        [function]
        confirmation = "greet"
        """,
    )

    ada = open_path(json_path).register("ada@example.com", PASSWORD)

    assert ("confirmed", "function") == (ada.state, ada.runs[0].flow)


def test_a_function_of_the_code_replaces_the_files(
    json_path: Path, open_path: OpenPath, make_module: MakeModule
) -> None:
    """
    Given a function of the same name in the file and in the code,
    when somebody registers,
    then the code's is called, as for all settings.
    """
    module = make_module(FUNCTIONS)
    write(
        json_path.with_name("admit.toml"),
        f"""
        confirmation_flow = "function"
        functions = {{decide = "{module}:refuse"}}
        function.confirmation = "decide"
        """,
    )

    engine = open_path(json_path, functions={"decide": lambda call: {"status": "success"}})

    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state


@pytest.mark.parametrize("target", ["{module}:missing", "no_such_module_anywhere:greet"])
def test_a_function_that_cannot_be_imported_is_named(
    json_path: Path, open_path: OpenPath, make_module: MakeModule, target: str
) -> None:
    """
    Given a file that names a callable that does not exist,
    when an engine opens,
    then the line of the file is named.
    """
    target = target.format(module=make_module(FUNCTIONS))
    write(json_path.with_name("admit.toml"), f'functions = {{greet = "{target}"}}\n')

    with pytest.raises(InvalidInput, match=f"functions.greet: {target} cannot be imported"):
        open_path(json_path)


def test_a_plugin_that_cannot_be_imported_is_named(json_path: Path, open_path: OpenPath) -> None:
    """
    Given a file that names a plugin that nobody installed,
    when an engine opens,
    then it does not open without it.
    """
    write(json_path.with_name("admit.toml"), 'plugins = ["no_such_module_anywhere"]\n')

    with pytest.raises(PluginFailed, match="'no_such_module_anywhere' failed in import"):
        open_path(json_path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("plugins = 'admit.plugins.auto'", "plugins in admit.toml must be a list of module names"),
        ("plugins = [7]", "plugins in admit.toml must be a list of module names"),
        ("functions = ['os:system']", "functions in admit.toml must be"),
        ("functions = {greet = 'os.system'}", "functions in admit.toml must be"),
        ("functions = {greet = 7}", "functions in admit.toml must be"),
        ("plugins = [", "admit.toml is not valid TOML"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(
    json_path: Path, open_path: OpenPath, text: str, what: str
) -> None:
    """
    Given a file with a mistake,
    when an engine opens,
    then it says which, and nothing was made.
    """
    write(json_path.with_name("admit.toml"), text)

    with pytest.raises(InvalidInput, match=what):
        open_path(json_path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('confirmation_flwo = "auto"', UnknownName),
        ('[email]\nsubjekt = "x"', UnknownName),
        ('token_lifetime = "25h"', InvalidSetting),
        ("password_time_cost = 1", InvalidSetting),
    ],
)
def test_a_setting_that_is_wrong_is_refused(
    json_path: Path, open_path: OpenPath, text: str, error: type[admit.AdmitError]
) -> None:
    """
    Given a file with a setting that does not exist, is out of bounds, or is for code only,
    when an engine opens,
    then it is refused by name.
    """
    write(json_path.with_name("admit.toml"), text)

    with pytest.raises(error):
        open_path(json_path)


# Where it is looked for


def test_the_file_beside_the_store_is_read(json_path: Path, open_path: OpenPath) -> None:
    """
    Given `admit.toml` beside a local store,
    when an engine opens on it,
    then its values are in force, and say where they come from.
    """
    write(json_path.with_name("admit.toml"), 'confirmation_flow = "auto"\n')

    info = open_path(json_path).settings.info("confirmation_flow")

    assert ("auto", "file") == (info.value, info.source)


def test_the_working_directory_is_never_looked_at(
    tmp_path: Path, open_path: OpenPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given `admit.toml` in the working directory by chance,
    when an engine opens on a store elsewhere,
    then the file is not read.
    """
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    write(here / "admit.toml", 'confirmation_flow = "auto"\n')
    monkeypatch.chdir(here)

    assert "email" == open_path(there / "users.json").settings.get("confirmation_flow")


def test_the_environment_names_another_file(
    tmp_path: Path, json_path: Path, open_path: OpenPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a file beside the store and one named by ADMIT_CONFIG,
    when an engine opens,
    then only the named one is read.
    """
    write(json_path.with_name("admit.toml"), 'confirmation_flow = "auto"\ncool_down = "5m"\n')
    named = write(tmp_path / "other.toml", 'confirmation_flow = "function"\n')
    monkeypatch.setenv("ADMIT_CONFIG", str(named))

    settings = open_path(json_path).settings

    assert ("function", "default") == (
        settings.get("confirmation_flow"),
        settings.info("cool_down").source,
    )


def test_the_argument_is_stronger_than_the_environment(
    tmp_path: Path, json_path: Path, open_path: OpenPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a file named by ADMIT_CONFIG and one by `config=`,
    when an engine opens,
    then the argument's is read; and that holds for a store that has no folder, too.
    """
    monkeypatch.setenv("ADMIT_CONFIG", str(tmp_path / "missing.toml"))
    given = write(tmp_path / "given.toml", 'confirmation_flow = "auto"\n')

    for store in (json_path, "memory://"):
        engine = open_path(store, config=given)
        assert "auto" == engine.settings.get("confirmation_flow")


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_named_file_that_does_not_exist_is_refused(
    tmp_path: Path, open_path: OpenPath, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """
    Given a file is named and missing,
    when an engine opens,
    then it does not open as if there were none.
    """
    missing = tmp_path / "missing.toml"
    options: dict[str, object] = {}
    if by == "argument":
        options["config"] = missing
    else:
        monkeypatch.setenv("ADMIT_CONFIG", str(missing))

    with pytest.raises(InvalidInput, match=r"missing\.toml cannot be read"):
        open_path(tmp_path / "users.json", **options)


def test_code_is_stronger_than_the_file(json_path: Path, open_path: OpenPath) -> None:
    """
    Given a setting in the file and in the code,
    when an engine opens,
    then the code's is in force, and says what it hides.
    """
    write(json_path.with_name("admit.toml"), 'confirmation_flow = "function"\n')

    info = open_path(json_path, settings={"confirmation_flow": "auto"}).settings.info(
        "confirmation_flow"
    )

    assert ("auto", "code", (("file", "function"),)) == (info.value, info.source, info.hides)
