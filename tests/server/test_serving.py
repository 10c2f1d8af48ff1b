"""`admit serve`, as a real process: it starts by one command, and stops without losing anything."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
import served_process
from served_process import PATIENCE_SECONDS, Served

import admit

APP = "/api/client/v2.0/app/shop-abcde"
REGISTER = f"{APP}/auth/providers/local-userpass/register"
ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}

Serving = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    """Return a function that starts `admit serve` on a store in a folder of the test."""
    return partial(served_process.serving, tmp_path)


def test_one_command_serves_and_shows_every_mail(serving: Serving) -> None:
    """Given nothing but `--dev`, when somebody registers over HTTP, then the inbox has the mail
    with its link and code, and the page shows them; SIGTERM ends it with exit code 0."""
    with serving("--dev", "--app-id", "shop-abcde") as server:
        assert (201, {}) == server.ask(REGISTER, ADA)
        (got,) = server.ask("/dev/inbox.json")[1]
        with urllib.request.urlopen(f"{server.url}/dev/inbox") as page:  # noqa: S310
            shown = page.read().decode()
        code, log = server.stop()

    assert "ada@example.com" == got["mail"]["to"]
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", got["mail"]["code"])
    assert got["mail"]["link"].startswith(f"{server.url}/app/shop-abcde/confirm?token=")
    assert got["mail"]["code"] in shown
    assert 0 == code, log


def test_n1_an_admin_comes_in_with_a_key_of_the_command_line(
    serving: Serving, tmp_path: Path
) -> None:
    """
    Given a server, and a key that `admit admin-keys create` makes beside it,
    when an admin logs in and confirms somebody whose address has signs that mean something in a
    URL, then it was she who did it; the log has neither half of the key's secret, nor tokens.
    """
    admin = "/api/admin/v3.0"
    with serving("--dev", "--app-id", "shop-abcde") as server:
        key = {"username": "1" * 24, "apiKey": "x"}
        assert 404 == server.ask(f"{admin}/auth/providers/mongodb-cloud/login", key)[0]
        made = subprocess.run(
            [sys.executable, "-m", "admit.cli", "admin-keys", "create", "desk"]
            + ["--scope", "support", "--json", "--store", str(tmp_path / "users.json")],
            capture_output=True,
            text=True,
            check=True,
        )
        halves = json.loads(made.stdout)
        key = {"username": halves["public_key"], "apiKey": halves["private_key"]}
        _, opened = server.ask(f"{admin}/auth/providers/mongodb-cloud/login", key)
        token = opened["access_token"]
        (app,) = server.ask(f"{admin}/groups/{group_of(server, token)}/apps", token=token)[1]
        at = f"{admin}/groups/{app['group_id']}/apps/{app['_id']}"
        server.ask(REGISTER, {**ADA, "email": "%41+a/b@example.com"})

        registered = "by_email/%2541%2Ba%2Fb%40example.com"
        assert (204, None) == server.ask(f"{at}/user_registrations/{registered}/confirm", {}, token)
        (user,) = server.ask(f"{at}/users", token=token)[1]
        _, log = server.stop()

    assert {"email": "%41+a/b@example.com"} == user["data"]
    with admit.open(tmp_path / "users.json", read_only=True) as engine:
        last = engine.users.timeline(engine.users.get(user["_id"]))[-1]
    assert admit.Actor("admin", halves["public_key"]) == last.actor
    for secret in (halves["private_key"], token, opened["refresh_token"]):
        assert secret not in log


def admin_key(folder: Path, name: str) -> str:
    """Return an admin key that may read, made beside a server in *folder*."""
    made = subprocess.run(
        [sys.executable, "-m", "admit.cli", "admin-keys", "create", name]
        + ["--scope", "viewer", "--json", "--store", str(folder / "users.json")],
        capture_output=True,
        text=True,
        check=True,
    )
    return str(json.loads(made.stdout)["private_key"])


def test_a_stream_of_events_ends_with_its_key_and_with_the_server(
    serving: Serving, tmp_path: Path
) -> None:
    """
    Given clients that follow the events, when the key of one is switched off, then its stream ends;
    when the server is told to stop, then the others end whole, and it does not wait for them.
    """
    path = "/api/v1/apps/shop-abcde/events/stream"

    def following(server: Served, key: str, method: str = "GET") -> HTTPResponse:
        connection = HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE_SECONDS)
        open_ones.callback(connection.close)
        connection.request(method, path, headers={"authorization": f"Bearer {key}"})
        return connection.getresponse()

    with serving("--dev", "--app-id", "shop-abcde") as server, ExitStack() as open_ones:
        key, other = admin_key(tmp_path, "hers"), admin_key(tmp_path, "other")
        streams = [following(server, key) for _ in range(4)]
        with following(server, key) as refused, following(server, key, "HEAD") as asked:
            assert (429, 200, b"") == (refused.status, asked.status, asked.read())
        hers = following(server, other)
        with admit.open(tmp_path / "users.json", worker=False) as engine:
            engine.admin_keys.disable(other[len("admit_ak_") :][:24])
        hers.read()
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for stream in streams:
            stream.read()  # raises, where it was torn off
        code, log = server.ended()
        took = time.monotonic() - begun

    assert [200] * 5 == [stream.status for stream in (*streams, hers)]
    assert 0 == code
    assert "Traceback" not in log
    assert took < 15  # of the 20 seconds that requests under way may take


def group_of(server: Served, token: str) -> str:
    """Return the group of the admin's application, as its profile says."""
    (role,) = server.ask("/api/admin/v3.0/auth/profile", token=token)[1]["roles"]
    return str(role["group_id"])


def test_the_log_has_a_line_a_request_and_no_secret(serving: Serving) -> None:
    """Given requests with a password and an address, when the log is read, then it is JSON, names
    the route and the status, and holds neither (security.md A2, T3)."""
    with serving("--dev", "--app-id", "shop-abcde") as server:
        server.ask(REGISTER, ADA)
        server.ask(f"{APP}/nothing?token=sesame")
        _, log = server.stop()

    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(201, f"{APP}/auth".replace("shop-abcde", "{app}")), (404, "-")] == [
        (line["status"], line["route"].partition("/providers")[0]) for line in requests
    ]
    for secret in (ADA["password"], ADA["email"], "sesame"):
        assert secret not in log


def test_a_request_under_way_is_finished_before_the_server_ends(
    serving: Serving, tmp_path: Path
) -> None:
    """Given a registration whose flow is still at work, when the server is told to stop, then the
    client gets its answer, and the user is there."""
    (tmp_path / "shop.py").write_text(
        "import pathlib, time\n"
        "def ask(request):\n"
        "    pathlib.Path('begun').touch()\n"
        "    while not pathlib.Path('go').exists():\n"
        "        time.sleep(0.01)\n"
        "    return {'status': 'success'}\n"
    )
    (tmp_path / "admit.toml").write_text(
        'confirmation_flow = "function"\n[function]\nconfirmation = "ask"\n'
        '[functions]\nask = "shop:ask"\n[server]\napp_id = "shop-abcde"\n'
    )
    with serving() as server:
        client = subprocess.Popen(
            [sys.executable, "-c", CLIENT, server.url + REGISTER, json.dumps(ADA)],
            stdout=subprocess.PIPE,
            text=True,
        )
        wait_for((tmp_path / "begun").exists)
        server.process.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        answer, _ = client.communicate(timeout=PATIENCE_SECONDS)
        code, log = server.ended()

    assert "201" == answer.strip(), log
    assert 0 == code, log
    with admit.open(copied(tmp_path / "users.json"), read_only=True) as engine:
        assert "confirmed" == engine.users.find(ADA["email"]).state


def test_several_processes_serve_one_store(serving: Serving, tmp_path: Path) -> None:
    """Given two processes, when several register, each is found, and the counts are of both."""
    with serving("--dev", "--app-id", "shop-abcde", "--workers", "2") as server:
        wait_for(lambda: 200 == server.ask("/health/ready")[0])
        statuses = [
            server.ask(REGISTER, ADA | {"email": f"user{number}@example.com"})[0]
            for number in range(6)
        ]
        # A request is counted when its answer is out, so the last count may come after it.
        wait_for(lambda: COUNTED.search(counts_of(server)) is not None)
        code, log = server.stop()

    assert [201] * 6 == statuses
    assert 0 == code, log
    with admit.open(tmp_path / "users.json", read_only=True) as engine:
        assert 6 == engine.users.count("pending")


def test_what_killed_processes_had_under_way_is_no_longer_counted(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given processes that are killed with a request under way, when others have taken their place,
    then only the one that asks is under way."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving("--dev", "--app-id", "shop-abcde", "--workers", "2") as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(
                f"POST {REGISTER} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n".encode()
            )
            wait_for(lambda: UNDER_WAY + "2.0" in counts_of(server))
            counting = list(tmp_path.glob("admit-metrics-*/gauge_livesum_*.db"))
            for file in counting:
                os.kill(int(file.stem.rpartition("_")[2]), signal.SIGKILL)
        wait_for(lambda: not any(file.exists() for file in counting))

        assert UNDER_WAY + "1.0" in counts_of(server)
        assert 0 == server.stop()[0]


def test_several_applications_are_served_apart(serving: Serving) -> None:
    """Given two applications in one process, then the same address registers in each."""
    with serving("--dev", "--app", "one-abcde=one.json", "--app", "two-abcde=two.json") as server:
        paths = [REGISTER.replace("shop-abcde", name) for name in ("one-abcde", "two-abcde")]

        assert [201, 201, 409] == [server.ask(path, ADA)[0] for path in [*paths, paths[0]]]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--dev", "--host", "0.0.0.0"], "server.host"),  # noqa: S104 - what is refused
        (["--app", "one"], "ID=STORE"),
        (["--app", "one=a.json", "--app", "one=b.json"], "twice"),
        (["--host", "no.such.host.invalid"], "cannot listen"),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_listens(
    tmp_path: Path, arguments: list[str], names: str
) -> None:
    """With exit code 2, the field and what to do; nothing is left behind but an empty store."""
    refused = subprocess.run(
        [sys.executable, "-m", "admit.cli", "serve", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=PATIENCE_SECONDS,
    )

    assert 2 == refused.returncode, refused.stderr
    assert names in refused.stderr


COUNTED = re.compile(r'admit_requests_total\{.*register",status="201"\} 6\.0')
UNDER_WAY = "\nadmit_requests_under_way "
CLIENT = """
import sys, urllib.request
request = urllib.request.Request(
    sys.argv[1], sys.argv[2].encode(), {"content-type": "application/json"}
)
print(urllib.request.urlopen(request, timeout=30).status)
"""


def counts_of(server: Served) -> str:
    """Return what Prometheus would read."""
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:  # noqa: S310
        return str(answer.read().decode())


def wait_for(condition: Callable[[], bool]) -> None:
    """Return as soon as another process has done what is waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def copied(store: Path) -> Path:
    """Return a copy of a store that has no configuration beside it."""
    there = store.with_name("apart")
    there.mkdir()
    for file in store.parent.glob(f"{store.name}*"):
        if file.is_file():
            shutil.copy(file, there)
    return there / store.name
