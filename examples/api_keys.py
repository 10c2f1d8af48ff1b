"""Programs that log in with a key: a user's own, and one of the application's server."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import admit
from admit.errors import WrongCredentials


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    settings = {"confirmation_flow": "auto", "api-key.enabled": True}
    with admit.open(folder / "users.json", settings=settings) as engine:
        ada = engine.register("ada@example.com", "correct horse battery staple")

        mine = engine.api_keys.create(ada, name="backup", lifetime=timedelta(days=90))
        login = engine.log_in("api-key", key=mine.text.reveal())
        print("a user's key logs in:", login.user.identities[0].data["email"])

        servers = engine.api_keys.create_server_key(name="nightly", scopes=["orders:read"])
        print(
            "a server's key logs in:", engine.log_in("api-key", key=servers.text.reveal()).user.type
        )
        key = engine.api_keys.verify(servers.text, scope="orders:read")
        print("taken on a request:", key.name, *key.scopes)

        engine.api_keys.disable(mine.key.id)
        try:
            engine.log_in("api-key", key=mine.text.reveal())
        except WrongCredentials as refused:
            print("switched off:", refused.sentence)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
