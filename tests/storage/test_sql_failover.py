"""What a SQL store does when its server is not the one it was: it finds the one that may write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from cutting_proxy import CuttingProxy, cutting_proxy
from postgres import Postgres
from small_store import id_of, put

from admit.errors import FateUnknown, StoreError, StoreReadOnly
from admit.storage.sql.opening import open_postgresql
from admit.stores import Change


@pytest.fixture
def server(postgres: Postgres) -> Postgres:
    """A server with a database of this test's own."""
    return postgres.new_database()


@pytest.fixture
def proxy(server: Postgres) -> Iterator[CuttingProxy]:
    """What stands between the store and the server."""
    with cutting_proxy(server) as proxy:
        yield proxy


def _let_write(postgres: Postgres, server: Postgres, may: bool) -> None:
    """Let connections made from now on write, as those to a primary may, or not."""
    read_only = "off" if may else "on"
    postgres.run(
        f"ALTER DATABASE {server.database} SET default_transaction_read_only = {read_only}"
    )


def test_a_connection_that_may_not_write_is_made_anew(postgres: Postgres, server: Postgres) -> None:
    """Given a store whose connections lead to a server that only reads, when another may write,
    then the next commit is written there: nobody is told to open the store again."""
    open_postgresql(server.location("shop"), read_only=False).close()  # the tables are there now
    _let_write(postgres, server, False)
    with closing(open_postgresql(server.location("shop"), read_only=False)) as store:
        with pytest.raises(StoreReadOnly):
            store.commit(Change(put=(put(1),)))
        _let_write(postgres, server, True)

        store.commit(Change(put=(put(1),)))

        assert store.get("user", id_of(1)) is not None


def test_a_commit_of_unknown_fate_is_made_durable_by_settling(
    server: Postgres, proxy: CuttingProxy
) -> None:
    """Given a commit whose answer was lost, when the store settles, then it asks the server for
    it: what can be seen there need not be on every disk that it shall be on."""
    location = server.location("shop").replace(str(server.folder), str(proxy.folder))
    with closing(open_postgresql(location, read_only=False)) as store:
        proxy.cuts_after_commits = True
        with pytest.raises(FateUnknown):
            store.commit(Change(put=(put(1),)))
        proxy.cuts_after_commits = False
        proxy.cuts_before_commits = True

        with pytest.raises(FateUnknown):
            store.settle()

        proxy.cuts_before_commits = False
        store.settle()


def test_a_cluster_out_of_reach_is_told_once_for_each_host() -> None:
    """Given a URL with two hosts, when none is there, then each is named with its reason, once,
    and the password is not shown."""
    location = "admit:5ecret@/users?host=127.0.0.1:1&host=127.0.0.1:2"

    with pytest.raises(StoreError) as told:
        open_postgresql(location, read_only=False)

    reason = told.value.sentence.partition("could not be reached")[2]
    assert ["1", "2"] == [port for port in "12" if reason.count(f"port {port} failed") == 1]
    assert "5ecret" not in str(told.value)


def test_a_read_has_no_fate_after_a_commit_that_the_server_refused(
    server: Postgres, proxy: CuttingProxy
) -> None:
    """Given a server that refuses at the very end of a commit, when the connection is lost with the
    next read, then nobody is told that a commit's fate is unknown."""
    location = server.location("shop").replace(str(server.folder), str(proxy.folder))
    store = open_postgresql(location, read_only=False)
    server.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    server.run(
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON admit_record"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(StoreError) as refused:
        store.commit(Change(put=(put(1),)))
    proxy.close()

    with pytest.raises(StoreError) as lost:
        store.get("user", id_of(1))

    assert ["store-error", "store-unreachable"] == [refused.value.code, lost.value.code]
    store.close()
