"""The provider contract, on the providers that ask somebody else's server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graph_server import APP, APP_SECRET, GraphServer, graph_serving
from hostile_provider import CLIENT, OTHER_KEY, Hostile, misbehaving

from admit.masked import Secret
from admit.testing import SettableClock
from admit.testing.contracts import ProviderContract


class IdTokenContract(ProviderContract):
    """What holds for each provider of id tokens; its server tells no lies here."""

    creates_users = proves_itself = True
    secret_fields = frozenset({"id_token"})
    server: Hostile

    @pytest.fixture(autouse=True)
    def serving(self, admit_clock: SettableClock) -> Iterator[None]:
        with misbehaving(admit_clock) as server:
            self.server = server
            yield

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {
            f"{self.provider}.enabled": True,
            f"{self.provider}.issuer": self.server.url,
            f"{self.provider}.client_id": CLIENT,
        }

    @property
    def credentials(self) -> dict[str, object]:  # type: ignore[override]
        return {"id_token": self.token("ada")}

    @property
    def same_credentials(self) -> tuple[dict[str, object], ...]:  # type: ignore[override]
        return ({"idToken": self.token("ada")},)

    @property
    def other_credentials(self) -> dict[str, object]:  # type: ignore[override]
        return {"id_token": self.token("grace")}

    @property
    def wrong_credentials(self) -> dict[str, object]:  # type: ignore[override]
        return {"id_token": self.server.mint(self.server.claims("n", sub="ada"), key=OTHER_KEY)}

    @property
    def unknown_credentials(self) -> dict[str, object]:  # type: ignore[override]
        return {"id_token": self.server.mint(self.server.claims("n", sub="hedy"), key=OTHER_KEY)}

    def token(self, subject: str) -> str:
        return self.server.mint(self.server.claims("n", sub=subject, email=f"{subject}@a.example"))


class TestOidc(IdTokenContract):
    provider = "oidc"
    needs_settings = frozenset({"oidc.issuer", "oidc.client_id"})


class TestGoogle(IdTokenContract):
    provider = "oauth2-google"
    needs_settings = frozenset({"oauth2-google.client_id"})


class TestApple(IdTokenContract):
    provider = "oauth2-apple"
    needs_settings = frozenset({"oauth2-apple.client_id"})


class TestFacebook(ProviderContract):
    provider = "oauth2-facebook"
    creates_users = proves_itself = True
    secret_fields = frozenset({"access_token"})
    needs_settings = frozenset({"oauth2-facebook.client_id", "oauth2-facebook.client_secret"})
    credentials = {"access_token": GraphServer.TOKEN}
    same_credentials = ({"accessToken": GraphServer.TOKEN},)
    other_credentials = {"access_token": GraphServer.GRACES_TOKEN}
    wrong_credentials = {"access_token": "EAAB-a-token-that-is-no-more"}
    unknown_credentials = {"access_token": "EAAB-a-token-of-nobody"}
    server: GraphServer

    @pytest.fixture(autouse=True)
    def serving(self) -> Iterator[None]:
        with graph_serving() as server:
            self.server = server
            yield

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {
            "oauth2-facebook.enabled": True,
            "oauth2-facebook.client_id": APP,
            "oauth2-facebook.client_secret": Secret(APP_SECRET),
            "oauth2-facebook.graph_url": self.server.url,
        }
