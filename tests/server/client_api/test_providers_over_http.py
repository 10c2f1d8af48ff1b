"""wire-contract.md §2: the log-in body of each provider, and what it makes of the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import jwt
import pytest
from graph_server import APP, APP_SECRET, GraphServer, graph_serving
from hostile_provider import CLIENT, CLIENT_SECRET, Hostile, misbehaving
from shop import A, C, OpenShop, Shop, refused

from admit.errors import CredentialsRefused
from admit.masked import Secret
from admit.testing import SettableClock

SIGNED_WITH = "a shared secret of at least 32 bytes"
Told = tuple[int, str | None, str]


def profile(shop: Shop, provider: str, **credentials: Any) -> dict[str, Any]:
    """Return the profile of whoever logs in so."""
    tokens = shop.log_in(provider, **credentials)
    found: dict[str, Any] = shop.get(f"{C}/auth/profile", bearer=tokens.access).json()
    return found


def test_each_anonymous_log_in_is_another_user(shop: Shop) -> None:
    """Given an empty object, or no body at all, then each makes a user."""
    first = shop.log_in("anon-user").user
    second = shop.post(f"{A}/auth/providers/anon-user/login").json()["user_id"]

    assert first != second
    assert {} == profile(shop, "anon-user")["data"]


def test_a_key_of_a_user_logs_her_in_and_one_of_the_server_a_user_of_its_own(shop: Shop) -> None:
    """Given both kinds, then a user's leads to her profile, a server's to type `server`, whose
    identity has the key's id and name."""
    ada = shop.confirmed()
    hers = shop.engine.api_keys.create(ada, name="till")
    servers = shop.engine.api_keys.create_server_key(name="nightly")

    of_hers = profile(shop, "api-key", key=hers.text.reveal())
    of_server = profile(shop, "api-key", key=servers.text.reveal())

    assert (ada.id, "normal") == (of_hers["user_id"], of_hers["type"])
    assert ("server", {"name": "nightly"}) == (of_server["type"], of_server["data"])
    assert [servers.key.id] == [one["id"] for one in of_server["identities"]]


# --- custom-token ------------------------------------------------------------------------------


@pytest.fixture
def token_shop(open_shop: OpenShop) -> Shop:
    """A shop that takes tokens signed with a secret."""
    return open_shop(
        settings={"custom-token.metadata": ("mySecretField=secret",)},
        fixed={"custom-token.secret": Secret(SIGNED_WITH), "custom-token.audience": "shop-abcde"},
    )


def custom_token(shop: Shop, **changed: object) -> str:
    """Return a token about Ada."""
    now = int(shop.clock.now().timestamp())
    claims = {"sub": "ada-1815", "aud": "shop-abcde", "exp": now + 60, "mySecretField": "psst"}
    return jwt.encode({**claims, **changed}, SIGNED_WITH, algorithm="HS256")


def test_a_custom_token_logs_in_its_subject_with_the_fields_that_are_mapped(
    token_shop: Shop,
) -> None:
    """Given a field that is mapped and ones that are not, then the profile has only the first."""
    found = profile(token_shop, "custom-token", token=custom_token(token_shop, email="a@b.example"))

    assert {"secret": "psst"} == found["data"]
    assert ["ada-1815"] == [one["id"] for one in found["identities"]]


def test_a_bad_custom_token_is_told_as_clients_match_it(token_shop: Shop) -> None:
    """Given another audience, then 401 whose message begins as clients compare it."""
    answer = token_shop.post(
        f"{A}/auth/providers/custom-token/login", {"token": custom_token(token_shop, aud="other")}
    )

    status, code, message = refused(answer)
    assert (401, "AuthError") == (status, code)
    assert message.startswith("invalid custom auth token:")


# --- custom-function ---------------------------------------------------------------------------


def badge_shop(open_shop: OpenShop, answer: Callable[[Mapping[str, Any]], object]) -> Shop:
    """Return a shop whose function answers so."""
    return open_shop(functions={"badge": answer}, settings={"custom-function.function": "badge"})


@pytest.mark.parametrize(
    ("said", "data"),
    [("badge-7", {}), ({"id": "badge-7"}, {}), ({"id": "badge-7", "name": "Ada"}, {"name": "Ada"})],
)
def test_a_function_says_who_somebody_is(
    open_shop: OpenShop, said: object, data: dict[str, str]
) -> None:
    """Given what the service took – a text, or an object with id and name –, then the identity has
    that id, and the user the name."""
    shop = badge_shop(open_shop, lambda credentials: said)

    found = profile(shop, "custom-function", badge=7)

    assert data == found["data"]
    assert ["badge-7"] == [one["id"] for one in found["identities"]]


def test_a_function_gets_the_body_decoded_and_without_options(open_shop: OpenShop) -> None:
    """Given canonical Extended JSON and the options that the client adds, then the function sees
    plain values, all fields – `provider` too –, and no options."""
    seen: list[object] = []

    def remember(credentials: Mapping[str, Any]) -> str:
        seen.append(dict(credentials))
        return "badge-7"

    shop = badge_shop(open_shop, remember)
    shop.log_in(
        "custom-function", badge={"$numberInt": "7"}, provider="mine", options={"device": {}}
    )

    assert [{"badge": 7, "provider": "mine"}] == seen


def _raise(problem: Exception) -> Callable[[Mapping[str, Any]], object]:
    def answer(credentials: Mapping[str, Any]) -> object:
        raise problem

    return answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda _: None, (401, "AuthError", "the credentials are not right")),
        (
            _raise(CredentialsRefused("This badge was reported as lost.")),
            (401, "AuthError", "This badge was reported as lost."),
        ),
        (_raise(ValueError("secret")), (401, "AuthError", "the authentication function failed")),
    ],
    ids=["nobody", "refused", "raised"],
)
def test_a_function_that_lets_nobody_in_is_401(
    open_shop: OpenShop, answer: Callable[[Mapping[str, Any]], object], told: Told
) -> None:
    """Given a refusal, then its sentence is told; given an exception, then not what was in it."""
    shop = badge_shop(open_shop, answer)

    assert told == refused(shop.post(f"{A}/auth/providers/custom-function/login", {"badge": 7}))


def test_a_key_named_as_a_parameter_of_ours_is_one_of_the_credentials(open_shop: OpenShop) -> None:
    """Given fields called `function`, `self` and `args`, then the function gets them."""
    seen: list[object] = []

    def remember(credentials: Mapping[str, Any]) -> str:
        seen.append(sorted(credentials))
        return "x"

    badge_shop(open_shop, remember).log_in("custom-function", function=1, self=2, args=3)

    assert [["args", "function", "self"]] == seen


# --- the big ones ------------------------------------------------------------------------------


@attrs.frozen
class Peer:
    """A provider elsewhere, and the shop that knows it."""

    shop: Shop
    provider: Hostile

    def token(self, **changed: object) -> str:
        """Return an id token about Ada."""
        return self.provider.mint(self.provider.claims("n", **changed))


@pytest.fixture
def open_peer(open_shop: OpenShop) -> Iterator[Callable[[str], Peer]]:
    """Return a function that opens a shop with Google, or Apple, on loopback."""
    clock = SettableClock()
    with misbehaving(clock) as provider:

        def start(name: str) -> Peer:
            fixed = {f"{name}.issuer": provider.url, f"{name}.client_id": CLIENT}
            if name != "oauth2-apple":
                fixed[f"{name}.client_secret"] = Secret(CLIENT_SECRET)  # type: ignore[assignment]
            shop = open_shop(fixed=fixed, settings={f"{name}.enabled": True})
            shop.clock.set(clock.now())
            return Peer(shop, provider)

        yield start


@pytest.mark.parametrize("name", ["oauth2-google", "oauth2-apple"])
def test_an_id_token_logs_in_its_subject(open_peer: Callable[[str], Peer], name: str) -> None:
    """Given `id_token`, as clients call it, then the identity has the provider's subject."""
    peer = open_peer(name)

    found = profile(peer.shop, name, id_token=peer.token())

    assert [("ada-1815", name)] == [(i["id"], i["provider_type"]) for i in found["identities"]]


def test_an_auth_code_is_exchanged(open_peer: Callable[[str], Peer]) -> None:
    """Given `authCode`, in camel case as clients write it, then the code's id token counts."""
    peer = open_peer("oauth2-google")
    peer.provider.token_answer["id_token"] = peer.token()

    assert ["ada-1815"] == [
        one["id"] for one in profile(peer.shop, "oauth2-google", authCode="4/code")["identities"]
    ]


def test_a_forged_id_token_is_401(open_peer: Callable[[str], Peer]) -> None:
    """Given one for another client, then 401 `AuthError`."""
    peer = open_peer("oauth2-google")
    answer = peer.shop.post(
        f"{A}/auth/providers/oauth2-google/login", {"id_token": peer.token(aud="other")}
    )

    assert (401, "AuthError", "the credentials are not right") == refused(answer)


def test_an_access_token_of_facebook_logs_in_whose_it_is(open_shop: OpenShop) -> None:
    """Given `accessToken`, then the identity has Facebook's id, and the data what it tells."""
    name = "oauth2-facebook"
    with graph_serving() as graph:
        shop = open_shop(
            settings={f"{name}.enabled": True},
            fixed={
                f"{name}.client_id": APP,
                f"{name}.client_secret": Secret(APP_SECRET),
                f"{name}.graph_url": graph.url,
                f"{name}.dialog_url": f"{graph.url}/dialog",
            },
        )

        found = profile(shop, name, accessToken=GraphServer.TOKEN)

    assert ["18151210"] == [one["id"] for one in found["identities"]]
    assert "Ada" == found["data"]["first_name"]
