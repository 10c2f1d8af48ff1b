"""Exported applications are read, in each layout that there was, whoever wrote the folder."""

from __future__ import annotations

import json
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from admit.errors import InvalidInput
from admit.server.appservices.exported import (
    Exported,
    ExportedTrigger,
    ExportedValue,
    read_exported,
)
from admit.server.appservices.findings import Left
from admit.server.appservices.provider_settings import read_providers

FIXTURES = Path(__file__).parent / "fixtures"
LAYOUTS = ("current", "v20210101", "legacy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the current layout, to be spoiled."""
    return Path(shutil.copytree(FIXTURES / "current", tmp_path / "shop"))


def zipped(folder: Path, to: Path, *, within: str = "") -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{within}{file.relative_to(folder).as_posix()}")
    return to


def refused(path: Path) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_exported(path)
    assert caught.value.next_step
    return caught.value


def test_the_current_layout_is_read() -> None:
    """
    Given a folder in the current layout,
    when it is read,
    then it says all that concerns accounts: functions by name, triggers on log-ins, values.
    """
    found = read_exported(FIXTURES / "current")

    assert () == found.problems
    assert ("current", None, "shop") == (found.layout, found.app_id, found.name)
    assert "609b1a0fd4b5b4b4b4b4b4b4" == found.internal_id
    assert "5f60207f14dfb25d23101102" == found.group_id
    assert ("https://shop.example",) == found.allowed_origins
    assert 8 == len(found.providers)
    assert ("confirmUser", "greet", "logInByBadge", "orders/place", "resetUser") == found.functions
    assert (
        ExportedTrigger(
            name="onLogin", operations=("LOGIN", "CREATE"), function="greet", disabled=False
        ),
    ) == found.triggers
    assert (
        ExportedValue(name="mailKey", secret="mailSecret"),
        ExportedValue(name="shopName", secret=None),
    ) == found.values
    assert "people" == found.custom_user_data["collection_name"]
    assert (Left(field="data_sources/", why="is no part of accounts."),) == found.left


def test_the_layout_of_2021_is_read() -> None:
    """
    Given a folder in the layout v20210101,
    when it is read,
    then its root file has the client app id.
    """
    found = read_exported(FIXTURES / "v20210101")

    assert ("v20210101", "shop-abcde", ()) == (found.layout, found.app_id, found.problems)
    assert ("https://shop.example", "https://admin.shop.example") == found.allowed_origins
    assert 4 == len(found.providers)


def test_the_legacy_layout_is_read() -> None:
    """
    Given a folder in the layout of before, with a secrets.json that somebody wrote,
    when it is read,
    then providers, functions and triggers are found in their files, and the secret's value.
    """
    found = read_exported(FIXTURES / "legacy")

    assert ("legacy", "shop-abcde", ()) == (found.layout, found.app_id, found.problems)
    assert ("https://shop.example",) == found.allowed_origins
    assert ("resetUser",) == found.functions
    assert "people" == found.custom_user_data["collection_name"]
    assert ("DELETE",) == found.triggers[0].operations
    assert {"custom-token.signingKeys[0]"} == set(found.secret_values)
    assert "0123456789abcdef" not in repr(found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_providers_of_each_layout_are_sound(layout: str) -> None:
    """
    Given the kept folder of each layout,
    when its provider objects are read,
    then nothing is wrong with them.
    """
    found = read_exported(FIXTURES / layout)

    assert () == read_providers(found.providers, app_id="shop-abcde").problems


@pytest.mark.parametrize("within", ["", "shop-export/"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_zip_file_says_what_the_folder_says(layout: str, within: str, tmp_path: Path) -> None:
    """
    Given the folder as a zip file, all of it in one folder or not,
    when it is read,
    then it says the same.
    """
    archive = zipped(FIXTURES / layout, tmp_path / "shop.zip", within=within)

    assert read_exported(FIXTURES / layout) == read_exported(archive)


def test_values_of_the_environment_stand_in_texts() -> None:
    """
    Given pages that name a value of the environment,
    when the folder is read for the environment that it names itself,
    then the value stands there.
    """
    settings = read_providers(
        read_exported(FIXTURES / "current").providers, app_id="shop-abcde"
    ).settings

    assert "https://shop.example/confirm" == settings["email.link_base"]


def test_a_value_that_an_environment_lacks_is_a_problem() -> None:
    """
    Given the same folder,
    when it is read for an environment without that value,
    then each field is named in which it is missing, and nothing is guessed.
    """
    found = read_exported(FIXTURES / "current", environment="")

    assert [
        "auth/providers.json.local-userpass.config.emailConfirmationUrl",
        "auth/providers.json.local-userpass.config.resetPasswordUrl",
    ] == [problem.field for problem in found.problems]
    assert "'pages', which has no value in no environment" in found.problems[0].rule


def test_an_environment_that_never_was_is_refused() -> None:
    """
    Given a folder,
    when it is to be read for an environment that App Services did not have,
    then the known ones are told.
    """
    with pytest.raises(InvalidInput, match="production"):
        read_exported(FIXTURES / "current", environment="staging")


def test_an_expansion_of_another_kind_is_a_problem(folder: Path) -> None:
    """
    Given a text that stands for something else than a value of the environment,
    when the folder is read,
    then that is a problem, for it would be kept as it stands there.
    """
    write(folder, "values/x.json", {"name": "x%(%%values.y)", "value": ""})

    [problem] = read_exported(folder).problems

    assert ("values/x.json.name", True) == (problem.field, "no value" in problem.rule)


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def read_all(folder: Path) -> Exported:
    found = read_exported(folder)
    read_providers(found.providers, app_id="shop-abcde")
    return found


# --- folders that are no exports, or were made to harm -------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("root_config.json", "{", "is no JSON: line 1, column 2."),
        ("root_config.json", "", "is no JSON"),
        ("auth/providers.json", '{"a": 1, "a": 2}', "an object says a name twice"),
        ("auth/providers.json", '{"a": NaN}', "NaN is no number"),
        ("auth/providers.json", '{"a": ' + "9" * 5000 + "}", "is no JSON"),
        ("auth/providers.json", "[" * 100_000 + "]" * 100_000, "nests deeper than 40."),
        ("auth/providers.json", "[" * 41 + "]" * 41, "nests deeper than 40."),
        ("auth/providers.json", '{"a": "\\ud800"}', "is not UTF-8."),
        ("functions/config.json", "// a comment\n[]", "is no JSON"),
        ("auth/providers.json", '{"a": "' + "x" * 10_000_000 + '"}', "is larger than 2,000,000"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_that_cannot_be_read_is_named(
    folder: Path, name: str, content: str, rule: str
) -> None:
    """
    Given a folder in which one file is no JSON, too deep, too large,
    when it is read,
    then the error names the file and what is wrong.
    """
    write(folder, name, content)

    problem = refused(folder)

    assert name == problem.field
    assert rule in problem.rule


def test_bytes_that_are_no_text_are_named(folder: Path) -> None:
    """
    Given a file that is not UTF-8,
    when the folder is read,
    then the error says so; a byte order mark is passed over.
    """
    (folder / "auth/providers.json").write_bytes(b'{"a": "\xff"}')
    assert "is not UTF-8." == refused(folder).rule

    (folder / "auth/providers.json").write_bytes(b"\xef\xbb\xbf{}")
    assert () == read_exported(folder).providers


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, True, [[]], {"a": [7]}], ids=repr)
@pytest.mark.parametrize(
    "name",
    [
        "root_config.json", ".mdb/app_meta.json", "auth/providers.json",
        "auth/custom_user_data.json", "functions/config.json", "triggers/onLogin.json",
        "values/shopName.json", "environments/production.json", "secrets.json",
    ],
)  # fmt: skip
def test_a_file_of_another_type_is_a_problem_or_nothing(
    folder: Path, name: str, value: object
) -> None:
    """
    Given a folder in which one file holds a value of another type than it should,
    when it is read,
    then that is told as a problem, or there is nothing in it; nothing else is raised.
    """
    write(folder, name, json.dumps(value))

    found = read_all(folder)

    if not isinstance(value, dict | list | None) and name != "functions/config.json":
        assert found.problems


@pytest.mark.parametrize("value", [7, "x", [], True, None], ids=repr)
def test_a_provider_of_another_type_is_told(folder: Path, value: object) -> None:
    """
    Given a provider that is no object,
    when the folder is read,
    then it is named; null is as good as absent.
    """
    write(folder, "auth/providers.json", {"anon-user": value})

    problems = read_exported(folder).problems

    assert ([] if value is None else ["auth/providers.json.anon-user"]) == [
        problem.field for problem in problems
    ]


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("realm_config.json", "app_id", "shop abcde"),
        (".mdb/app_meta.json", "app_id", "609b"),
        (".mdb/app_meta.json", "group_id", "x" * 24),
        ("realm_config.json", "environment", "staging"),
        ("secrets.json", "googleSecret", 7),
    ],
)
def test_an_id_that_is_none_is_told(tmp_path: Path, file: str, name: str, value: object) -> None:
    """
    Given an id, an environment, a secret that cannot be one,
    when the folder is read,
    then it is named.
    """
    folder = Path(shutil.copytree(FIXTURES / "v20210101", tmp_path / "shop"))
    there = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
    write(folder, file, {**there, name: value})

    assert [f"{file}.{name}"] == [problem.field for problem in read_exported(folder).problems]


def test_more_than_anybody_configures_is_refused(folder: Path) -> None:
    """
    Given many files that are read, each within its bounds,
    when all of them together are too much,
    then that is told.
    """
    for number in range(27):
        write(folder, f"values/v{number}.json", {"name": "v", "value": "x" * 1_990_000})

    assert "has more than 50,000,000 bytes" in refused(folder).rule


def test_a_provider_under_the_name_of_another_is_told(folder: Path) -> None:
    """
    Given a provider object whose type is not what it stands under,
    when the folder is read,
    then that is a problem.
    """
    write(folder, "auth/providers.json", {"anon-user": {"type": "api-key"}})

    assert ["auth/providers.json.anon-user.type"] == [
        problem.field for problem in read_exported(folder).problems
    ]


@pytest.mark.parametrize("name", ["auth/providers.json", "root_config.json", "triggers/x.json"])
def test_a_link_is_not_followed(folder: Path, tmp_path: Path, name: str) -> None:
    """
    Given a file that is a link to one outside of the folder,
    when the folder is read,
    then the link is refused.
    """
    secret = tmp_path / "secret.json"
    secret.write_text('{"type": "AUTHENTICATION", "name": "secret"}')
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)

    problem = refused(folder)

    assert name == problem.field
    assert "is a link" in problem.rule


def test_a_link_to_a_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """
    Given a folder `auth` that is a link to another,
    when the application is read,
    then what lies behind it is not looked at.
    """
    (folder / "auth").rename(tmp_path / "auth")
    (folder / "auth").symlink_to(tmp_path / "auth")

    assert () == read_exported(folder).providers


def test_what_is_no_file_is_not_waited_for(folder: Path) -> None:
    """
    Given a named pipe where a file should be,
    when the folder is read,
    then it is refused at once.
    """
    (folder / "auth/providers.json").unlink()
    os.mkfifo(folder / "auth/providers.json")

    assert "is no file." == refused(folder).rule


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b"no zip file"),
        lambda path: path.write_bytes(b""),
        lambda path: None,
        lambda path: zipfile.ZipFile(path, "w").close(),
    ],
    ids=["empty folder", "text", "empty file", "nothing", "empty zip file"],
)
def test_what_is_no_application_is_told(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """
    Given something that is no exported application,
    when it is to be read,
    then the error says what it is not.
    """
    make(tmp_path / "shop")

    assert "path" == refused(tmp_path / "shop").field


@pytest.mark.parametrize(
    "name",
    ["../root_config.json", "/root_config.json", "a/../../b", "a\\b", "C:/b", "a//b", "a\nb"],
)
def test_a_zip_file_that_leads_out_of_itself_is_refused(tmp_path: Path, name: str) -> None:
    """
    Given a zip file with a name that leads elsewhere,
    when it is read,
    then it is refused as a whole.
    """
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("root_config.json", "{}")
        archive.writestr(name, "{}")

    assert "leads out of it" in refused(tmp_path / "shop.zip").rule


def test_a_zip_file_that_grows_is_read_to_the_limit(tmp_path: Path) -> None:
    """
    Given a zip file of some kilobytes, in which a file has a gigabyte of zeros,
    when it is read,
    then it is refused after the limit, not unpacked.
    """
    path = tmp_path / "shop.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("root_config.json", "{}")
        with archive.open("auth/providers.json", "w", force_zip64=True) as file:
            for _ in range(64):
                file.write(bytes(1_000_000))

    assert path.stat().st_size < 100_000
    assert "is larger than" in refused(path).rule


def test_a_link_in_a_zip_file_is_refused(tmp_path: Path) -> None:
    """
    Given a zip file in which a file is a link,
    when it is read,
    then it is refused.
    """
    link = zipfile.ZipInfo("auth/providers.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("root_config.json", "{}")
        archive.writestr(link, "/etc/hostname")

    assert "is a link" in refused(tmp_path / "shop.zip").rule


def test_a_zip_file_that_is_damaged_is_told(tmp_path: Path) -> None:
    """
    Given a zip file in which some bytes of a file were changed,
    when it is read,
    then the error names the file.
    """
    path = zipped(FIXTURES / "current", tmp_path / "shop.zip")
    content = path.read_bytes().replace(b'"provider_region"', b'"provider-region"')
    path.write_bytes(content)

    problem = refused(path)

    assert ("root_config.json", True) == (problem.field, "cannot be read" in problem.rule)


def test_two_files_of_one_name_in_a_zip_file_are_refused(tmp_path: Path) -> None:
    """
    Given a zip file that has a name twice, of which readers take one or the other,
    when it is read,
    then it is refused.
    """
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("root_config.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("root_config.json", "{}")

    assert "has two files" in refused(tmp_path / "shop.zip").rule
