"""Sign in with Google from an app: it brings a code, or an id token, for its server.

In Google's place stands oidc-provider-mock, which lets in whoever you say.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import httpx2
import oidc_provider_mock

import admit
from admit.errors import WrongCredentials

CALLBACK = "https://app.example.com/callback"


def code_of_the_app(google: str) -> str:
    """Be the app: let Ada log in at Google, and return the code that is for the server."""
    query = {"client_id": "web", "redirect_uri": CALLBACK, "response_type": "code"}
    url = httpx2.URL(f"{google}/oauth2/authorize", params={**query, "scope": "openid email"})
    answer = httpx2.post(url, data={"sub": "1815"})
    return httpx2.URL(answer.headers["Location"]).params["code"]


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the mock tells of each request
    with oidc_provider_mock.run_server_in_thread() as server:
        google = f"http://localhost:{server.server_port}"
        httpx2.put(
            f"{google}/users/1815", json={"email": "ada@example.com", "email_verified": True}
        )
        settings = {
            "oauth2-google.enabled": True,
            "oauth2-google.issuer": google,  # leave it out for the real one
            "oauth2-google.client_id": "web",
            "oauth2-google.client_secret": "what Google gave you",
            "oauth2-google.redirect_uris": [CALLBACK],
        }
        with admit.open(folder / "users.json", settings=settings) as engine:
            code = code_of_the_app(google)
            ada = engine.log_in("oauth2-google", auth_code=code, redirect_uri=CALLBACK).user
            print("logged in:", ada.state, "as", ada.identities[0].id)

            code = code_of_the_app(google)
            again = engine.log_in("oauth2-google", auth_code=code, redirect_uri=CALLBACK).user
            print("again, the same user:", again.id == ada.id)

            try:
                engine.log_in("oauth2-google", id_token="eyJhbGciOiJub25lIn0.e30.")
            except WrongCredentials as refused:
                print("a token that nobody signed:", refused.code)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
