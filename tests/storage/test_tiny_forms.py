"""Every form of a TinyDB store that was ever written opens; one that is newer is left alone."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from admit.errors import StoreTooNew
from admit.storage import TinyStore, export_tinydb

FORMS = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize("form", ["tinydb-1", "tinydb-1-indexed"])
def test_a_store_of_an_older_form_opens_with_all_it_held(form: str, tmp_path: Path) -> None:
    """
    Given the files of a store as a version of before left them – a snapshot, a log behind it, users
    in each state, a session, events sealed, not sealed and erased; or a snapshot with its index,
    and three logs behind it, as two compactions died –,
    when it is opened, and when it is compacted,
    then it holds all that it held, and nothing in it does not fit.
    """
    shutil.copytree(FORMS / form, tmp_path / "kept")

    with closing(TinyStore(tmp_path / "kept" / "users.json")) as store:
        assert [] == list(store.faults())
        export_tinydb(store, tmp_path / "opened.json")
        store.compact()
        export_tinydb(store, tmp_path / "compacted.json")

    held = (FORMS / form / "export.json").read_text("utf-8")
    assert held == (tmp_path / "opened.json").read_text("utf-8")
    assert held == (tmp_path / "compacted.json").read_text("utf-8")


def test_a_newer_form_is_refused_and_left_alone(tmp_path: Path) -> None:
    """
    Given the files of a store with a schema number that is not known here,
    when it is opened,
    then the numbers are told, and no byte was changed.
    """
    kept = tmp_path / "kept"
    shutil.copytree(FORMS / "tinydb-1", kept)
    snapshot = kept / "users.json"
    newer = snapshot.read_bytes().replace(b'"schema":1', b'"schema":2', 1)
    snapshot.write_bytes(newer)
    before = {file.name: file.read_bytes() for file in kept.iterdir()}

    with pytest.raises(StoreTooNew, match="schema number 2"):
        TinyStore(snapshot)

    after = {file.name: file.read_bytes() for file in kept.iterdir()}
    assert before == {name: after[name] for name in before}
