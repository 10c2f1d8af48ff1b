"""Sign in with Apple: a secret that is signed anew each time, and a name that comes once.

In Apple's place stands oidc-provider-mock, which lets in whoever you say.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import httpx2
import oidc_provider_mock
from joserfc.jwk import ECKey

import admit

CALLBACK = "https://app.example.com/callback"
NAME = '{"name": {"firstName": "Ada", "lastName": "Lovelace"}}'


def post_from_apple(url: str, **more: str) -> dict[str, str]:
    """Be the browser: log in there, and return the form that the callback is posted."""
    answer = httpx2.post(url, data={"sub": "1815"})
    return {**httpx2.URL(answer.headers["Location"]).params, **more}


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the mock tells of each request
    with oidc_provider_mock.run_server_in_thread() as server:
        apple = f"http://localhost:{server.server_port}"
        relayed = {"email": "x7k@privaterelay.appleid.com", "email_verified": "true"}
        httpx2.put(f"{apple}/users/1815", json=relayed)
        settings = {
            "oauth2-apple.enabled": True,
            "oauth2-apple.issuer": apple,  # leave it out for the real one
            "oauth2-apple.client_id": "com.example.app",
            "oauth2-apple.team_id": "TEAM123456",
            "oauth2-apple.key_id": "KEY1234567",
            # The text of your .p8 file; here, a key that nobody knows.
            "oauth2-apple.private_key": ECKey.generate_key("P-256").as_pem(private=True).decode(),
            "oauth2-apple.redirect_uris": [CALLBACK],
        }
        with admit.open(folder / "users.json", settings=settings) as engine:
            for what, more in (("first", {"user": NAME}), ("later", {})):
                begun = engine.redirects.begin("oauth2-apple")
                form = post_from_apple(begun.url, **more)
                user = engine.redirects.finish(form, binding=begun.binding).user
                print(f"{what}: {user.identities[0].data['name']}, {user.state}")
            assert user.address is not None
            print("address:", user.address.typed, "proved by", user.address.proved_by)
            print("cookie: SameSite", begun.same_site)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
