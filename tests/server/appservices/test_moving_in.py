"""An application moves in: a plan, then all of it or nothing; and out, to the same settings."""

from __future__ import annotations

import json
import shutil
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

import admit
from admit.errors import InvalidInput, InvalidSetting, StoreUnreachable, WrongKey
from admit.server.appservices.config_file import config_text
from admit.server.appservices.exported import read_exported
from admit.server.appservices.moving_in import MovedIn, move_in
from admit.server.appservices.moving_out import exported_files, move_out
from admit.server.appservices.plan import Given, Plan, plan_moving_in
from admit.stores import Change
from admit.testing import MemoryStore

FIXTURES = Path(__file__).parent / "fixtures"
LAYOUTS = ("current", "v20210101", "legacy")
SECRETS = {
    "tokenKey": "0123456789abcdef0123456789abcdef",
    "googleSecret": 'g"\\\x7f\t',
    "facebookSecret": "f",
}


def planned(layout: str | Path = "current", **given: Any) -> Plan:
    exported = read_exported(FIXTURES / layout)
    return plan_moving_in(exported, Given(**{"app_id": "shop-abcde", **given}))


def moved(plan: Plan, folder: Path) -> MovedIn:
    """Move in to the store of *folder*."""

    def open_engine(config: Path) -> admit.Engine:
        return admit.open(folder / "users.json", config=config, worker=False)

    return move_in(plan, config=folder / "admit.toml", open_engine=open_engine)


def settings_in(folder: Path) -> dict[str, object]:
    with admit.open(folder / "users.json", worker=False) as engine:
        return {info.name: info.value for info in engine.settings.all() if info.source != "default"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_plan_says_is_what_an_engine_has(layout: str, tmp_path: Path) -> None:
    """
    Given the export of each layout, and values for its secrets,
    when it moves in,
    then an engine on the store has every setting of the plan, secrets too, and no other.
    """
    plan = planned(layout, secrets=SECRETS if layout == "current" else {})

    done = moved(plan, tmp_path)

    assert {**plan.file, **plan.store} == settings_in(tmp_path)
    assert done == MovedIn(
        config=tmp_path / "admit.toml",
        settings=len(plan.file) + len(plan.store),
        was_there=False,
    )


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """
    Given an application with secrets,
    when it moves in,
    then nobody else may read admit.toml, and nothing else of it is left beside.
    """
    moved(planned(secrets=SECRETS), tmp_path)

    assert 0o600 == stat.S_IMODE((tmp_path / "admit.toml").stat().st_mode)
    assert [] == list(tmp_path.glob(".admit.toml*"))


def test_what_is_missing_stands_in_comments() -> None:
    """
    Given an application without values for its secrets, and no function in Python,
    when its admit.toml is written,
    then the file is TOML, and each missing thing is a comment where it belongs.
    """
    text = config_text(planned(functions={"confirmUser": "shop.accounts:confirm"}))

    content = tomllib.loads(text)
    assert {"confirmUser": "shop.accounts:confirm"} == content["functions"]
    assert "shop-abcde" == content["server"]["app_id"]
    assert '# resetUser = "your_module:callable"' in text
    assert "# The value of the secret 'googleSecret'.\n# client_secret = " in text
    assert "# transport = " in text


def test_a_functions_callable_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given a confirmation function that was written in Python,
    when the application moves in with its name, and somebody registers,
    then it is called.
    """
    (tmp_path / "shop_accounts.py").write_text(
        "def confirm(call):\n    return {'status': 'success'}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    moved(planned(functions={"confirmUser": "shop_accounts:confirm"}), tmp_path)

    with admit.open(tmp_path / "users.json", worker=False) as engine:
        ada = engine.register("ada@example.com", "correct horse battery staple")
    assert "confirmed" == ada.state


def test_callbacks_follow_from_the_public_url(tmp_path: Path) -> None:
    """
    Given the URL that clients will use,
    when the plan is made,
    then it is where browsers come back to, and one is reminded to register it.
    """
    plan = planned(public_url="https://accounts.shop.example/")

    page = "https://accounts.shop.example/api/client/v2.0/auth/callback"
    assert (page,) == plan.store["oauth2-google.redirect_uris"]
    assert "https://accounts.shop.example" == plan.file["server.public_url"]
    assert any(page in left.why for left in plan.left)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"app_id": None}, "app_id"),
        ({"app_id": "shop abcde"}, "app_id"),
        ({"public_url": "shop.example"}, "public_url"),
        ({"public_url": "https://shop.example/path"}, "public_url"),
        ({"secrets": {"noSecret": "x"}}, "secrets.noSecret"),
        ({"secrets": {"tokenKey": "short"}}, "custom-token.secret"),
        ({"functions": {"nobody": "a:b"}}, "functions.nobody"),
        ({"functions": {"confirmUser": "a.b"}}, "functions.confirmUser"),
    ],
)
def test_what_is_given_and_wrong_is_told(given: dict[str, Any], field: str, tmp_path: Path) -> None:
    """
    Given something wrong beside a sound export,
    when it is to move in,
    then the field is named, and nothing is written.
    """
    plan = planned(**given)

    assert [field] == [problem.field for problem in plan.problems]
    with pytest.raises(InvalidInput):
        moved(plan, tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_one_wrong_provider_changes_nothing(tmp_path: Path) -> None:
    """
    Given an export in which one of many providers is wrong,
    when it is to move in,
    then the provider and the field are named, and there is neither file nor store.
    """
    folder = Path(shutil.copytree(FIXTURES / "current", tmp_path / "shop"))
    file = folder / "auth/providers.json"
    providers = json.loads(file.read_text())
    providers["oauth2-google"]["config"]["clientId"] = 7
    file.write_text(json.dumps(providers))

    with pytest.raises(InvalidInput, match=r"oauth2-google\.config\.clientId: must be text"):
        moved(planned(folder), tmp_path / "new")

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("origin", ["*", "shop.example", "https://a.example/x", "https://a,b"])
def test_an_origin_that_is_none_is_told(origin: str, tmp_path: Path) -> None:
    """
    Given an export with an origin that browsers never send,
    when the plan is made,
    then that is a problem.
    """
    folder = Path(shutil.copytree(FIXTURES / "current", tmp_path / "shop"))
    root = json.loads((folder / "root_config.json").read_text())
    (folder / "root_config.json").write_text(
        json.dumps({**root, "allowed_request_origins": [origin]})
    )

    assert ["allowed_request_origins"] == [one.field for one in planned(folder).problems]


def test_custom_data_that_is_half_said_is_told(tmp_path: Path) -> None:
    """
    Given custom user data whose switch is no truth value,
    when the plan is made,
    then that is a problem.
    """
    folder = Path(shutil.copytree(FIXTURES / "current", tmp_path / "shop"))
    (folder / "auth/custom_user_data.json").write_text('{"enabled": "yes"}')

    assert ["custom_user_data.enabled"] == [one.field for one in planned(folder).problems]


def test_moving_in_twice_leaves_what_was_changed_since(tmp_path: Path) -> None:
    """
    Given an application that moved in, and a setting that was changed since,
    when it moves in again,
    then it is said to be there, and the change is kept.
    """
    plan = planned()
    moved(plan, tmp_path)
    with admit.open(tmp_path / "users.json", worker=False) as engine:
        engine.settings.set("email.subject", "Hello")

    done = moved(plan, tmp_path)

    assert done.was_there
    assert "Hello" == settings_in(tmp_path)["email.subject"]


@pytest.mark.parametrize("text", ['[server]\napp_id = "other"\n', "server = 7", "", "not toml"])
def test_a_file_of_somebody_else_is_left(text: str, tmp_path: Path) -> None:
    """
    Given an admit.toml of another application, or of none,
    when one is to move in there,
    then it is refused, and the file is as it was.
    """
    (tmp_path / "admit.toml").write_text(text)

    with pytest.raises(InvalidInput, match=r"admit\.toml is there"):
        moved(planned(), tmp_path)

    assert text == (tmp_path / "admit.toml").read_text()
    assert ["admit.toml"] == [path.name for path in tmp_path.iterdir()]


def test_a_setting_that_the_environment_hides_is_told_before_any_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a setting of the application that the environment sets,
    when it moves in,
    then it is refused, no setting was set, and no file is there.
    """
    monkeypatch.setenv("ADMIT_CONFIRMATION_FLOW", "auto")

    with pytest.raises(InvalidSetting, match="confirmation_flow: is set by environment"):
        moved(planned(), tmp_path)

    monkeypatch.delenv("ADMIT_CONFIRMATION_FLOW")
    assert {} == settings_in(tmp_path)
    assert not (tmp_path / "admit.toml").exists()


class CutOff(MemoryStore):
    """A store in memory whose wire is cut at one commit."""

    left = 0

    def commit(self, change: Change, *, settle: bool = True) -> None:
        self.left -= 1
        if not self.left:
            raise StoreUnreachable("the wire was cut")
        super().commit(change, settle=settle)

    def close(self) -> None:
        """Stay open, to be looked at."""


def test_a_store_that_fails_half_way_is_put_back(tmp_path: Path) -> None:
    """
    Given a store with a subject of its own, which fails at the tenth setting,
    when an application moves in,
    then the error is told, the store has what it had, and no file is there.
    """
    store = CutOff()

    def stored() -> dict[str, object]:
        page = store.page("setting", "setting", None, 100)
        return {str(record.body["name"]): record.body["value"] for record in page.items}

    engine = admit.open(store, key=bytes(32), worker=False)
    engine.settings.set("email.subject", "Mine")

    def open_engine(config: Path) -> admit.Engine:
        opened = admit.open(store, key=bytes(32), config=config, worker=False)
        store.left = 10
        return opened

    with pytest.raises(StoreUnreachable):
        move_in(planned(), config=tmp_path / "admit.toml", open_engine=open_engine)

    assert {"email.subject": "Mine"} == stored()
    assert [] == list(tmp_path.iterdir())


def test_what_was_cut_off_is_done_when_it_is_done_again(tmp_path: Path) -> None:
    """
    Given a process that died when it had set the settings and not yet the file,
    when the application moves in again,
    then it has moved in.
    """
    plan = planned()
    moved(plan, tmp_path)
    (tmp_path / "admit.toml").unlink()

    done = moved(plan, tmp_path)

    assert not done.was_there
    assert {**plan.file, **plan.store} == settings_in(tmp_path)


def test_of_two_who_move_in_at_once_neither_undoes_the_other(tmp_path: Path) -> None:
    """
    Given a process that moves in, and another that is done with it just before,
    when the former finds the file there,
    then it is told so, and what both set is still set.
    """
    plan = planned()

    def open_engine(config: Path) -> admit.Engine:
        moved(plan, tmp_path)
        return admit.open(tmp_path / "users.json", config=config, worker=False)

    done = move_in(plan, config=tmp_path / "admit.toml", open_engine=open_engine)

    assert done.was_there
    assert {**plan.file, **plan.store} == settings_in(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """
    Given a file where the folder should be,
    when an application is to move in there,
    then the error says so.
    """
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidInput, match=r"admit\.toml is there, and cannot be read"):
        moved(planned(), tmp_path / "file")


def test_a_store_with_another_key_is_left(tmp_path: Path) -> None:
    """
    Given a store whose key is not at hand,
    when an application is to move in,
    then it is told, and no file is there.
    """
    admit.open(tmp_path / "users.json", worker=False).close()
    (tmp_path / "users.json.key").write_text("00" * 32)

    with pytest.raises(WrongKey):
        moved(planned(), tmp_path)

    assert not (tmp_path / "admit.toml").exists()
    assert [] == list(tmp_path.glob(".admit.toml*"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_moved_out_and_in_again_the_settings_are_the_same(layout: str, tmp_path: Path) -> None:
    """
    Given an application of each layout that moved in,
    when it moves out, and what was written moves in elsewhere with the same secrets,
    then both have the same settings, and nothing stayed here.
    """
    secrets = {**SECRETS} if layout == "current" else {}
    url = "https://accounts.shop.example"
    moved(planned(layout, secrets=secrets, public_url=url), tmp_path)
    with admit.open(tmp_path / "users.json", worker=False) as engine:
        done = move_out(engine, tmp_path / "out")
    if layout == "legacy":
        secrets = {"tokenKey": SECRETS["tokenKey"]}

    moved(planned(tmp_path / "out", secrets=secrets, public_url=url), tmp_path / "again")

    assert settings_in(tmp_path) | always(layout) == settings_in(tmp_path / "again")
    assert () == done.left


def always(layout: str) -> dict[str, object]:
    """Return what an export says although the application did not: an application has API keys,
    enabled or not, and custom data."""
    return {"api-key.enabled": False} if layout == "legacy" else {}


def test_no_secret_moves_out(tmp_path: Path) -> None:
    """
    Given an application whose secrets are set,
    when it moves out,
    then their names are told and written, and no value of one is in any file.
    """
    moved(planned(secrets=SECRETS), tmp_path)
    with admit.open(tmp_path / "users.json", worker=False) as engine:
        done = move_out(engine, tmp_path / "out")

    written = "".join(p.read_text() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert ("tokenKey", "googleSecret", "facebookSecret", "appleSecret") == done.secrets
    assert all(name in written for name in done.secrets)
    assert SECRETS["tokenKey"] not in written


def test_an_application_of_admits_own_moves_out() -> None:
    """
    Given an engine that never was at App Services, with secrets of its own,
    when its files are made,
    then its secrets have names that say what they are.
    """
    settings = {
        "custom-token.secret": "x" * 32,
        "custom-token.audience": "shop",
        "oauth2-google.client_secret": "y",
        "oauth2-google.metadata_fields": "*",
    }
    with admit.open("memory://", key=bytes(32), settings=settings, worker=False) as engine:
        providers = exported_files(engine)["auth/providers.json"]

    assert ["custom-token-secret"] == providers["custom-token"]["secret_config"]["signingKeys"]
    assert "HS256" == providers["custom-token"]["config"]["signingAlgorithm"]
    google = providers["oauth2-google"]
    assert {"clientSecret": "oauth2-google-client-secret"} == google["secret_config"]
    assert 5 == len(google["metadata_fields"])


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_nothing_is_written_over(there: str, tmp_path: Path) -> None:
    """
    Given something where the export should go,
    when an application is to move out,
    then it is refused, and what was there is as it was.
    """
    out = tmp_path / "out"
    if there == "folder":
        out.mkdir()
    elif there == "file":
        out.write_text("mine")
    else:
        out.symlink_to(tmp_path / "nowhere")

    with (
        admit.open("memory://", key=bytes(32), worker=False) as engine,
        pytest.raises(InvalidInput, match="out is there already"),
    ):
        move_out(engine, out)

    assert ["out"] == [path.name for path in tmp_path.iterdir()]


def test_users_that_cannot_be_written_leave_nothing(tmp_path: Path) -> None:
    """
    Given a file where the users should go,
    when an application is to move out with them,
    then it is refused, and no folder is there.
    """
    (tmp_path / "users.jsonl").write_text("mine")

    with (
        admit.open("memory://", key=bytes(32), worker=False) as engine,
        pytest.raises(InvalidInput, match=r"users\.jsonl cannot be made"),
    ):
        move_out(engine, tmp_path / "out", users=tmp_path / "users.jsonl")

    assert ["users.jsonl"] == [path.name for path in tmp_path.iterdir()]


def test_a_place_that_cannot_be_written_leaves_no_users(tmp_path: Path) -> None:
    """
    Given a folder that does not let itself be made,
    when an application is to move out with its users,
    then it is refused, and no file with users is there.
    """
    (tmp_path / "file").write_text("")

    with (
        admit.open("memory://", key=bytes(32), worker=False) as engine,
        pytest.raises(InvalidInput, match="cannot be written"),
    ):
        move_out(engine, tmp_path / "file" / "out", users=tmp_path / "users.jsonl")

    assert ["file"] == [path.name for path in tmp_path.iterdir()]
