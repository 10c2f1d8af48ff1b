"""Sign in with any OpenID provider: a browser is sent there, and comes back.

The provider is oidc-provider-mock, which lets in whoever you say.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import oidc_provider_mock

import admit
from admit.errors import RedirectInvalid

CALLBACK = "https://app.example.com/callback"


def press_log_in(url: str) -> dict[str, str]:
    """Be the browser: log in as Ada there, and return what the callback is called with."""
    answer = httpx2.post(url, data={"sub": "ada"})
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the mock tells of each request
    with oidc_provider_mock.run_server_in_thread() as server:
        ada = {"email": "ada@example.com", "email_verified": True, "name": "Ada"}
        issuer = f"http://localhost:{server.server_port}"
        httpx2.put(f"{issuer}/users/ada", json=ada)
        settings = {
            "oidc.enabled": True,
            "oidc.issuer": issuer,
            "oidc.client_id": "the-client",
            "oidc.client_secret": "any: this mock takes every one",
            "oidc.redirect_uris": [CALLBACK],
            "oidc.trusts_addresses": True,  # it says email_verified, and we believe it
        }
        with admit.open(folder / "users.json", settings=settings) as engine:
            begun = engine.public.redirects.begin("oidc", context={"page": "/basket"})
            answer = press_log_in(begun.url)  # the browser keeps begun.binding in its cookie

            end = engine.public.redirects.finish(answer, binding=begun.binding)
            user = end.user
            print("logged in:", user.state, user.identities[0].data["name"])
            print("address proved:", user.address is not None and user.address.proved_by)
            print("back to:", end.context["page"])

            try:
                engine.public.redirects.finish(answer, binding=begun.binding)
            except RedirectInvalid as refused:
                print("the same answer again:", refused.code)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
