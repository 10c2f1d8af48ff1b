"""wire-contract.md §2, the OAuth redirect flow: there, back, and on to the page. Rules O2, T7."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import attrs
import pytest
from hostile_provider import CLIENT, CLIENT_SECRET, Hostile, misbehaving
from shop import A, Answer, C, OpenShop, Shop, refused
from starlette.testclient import TestClient

from admit.masked import Secret
from admit.records import UserId
from admit.server.app import make_app
from admit.server.hosting import hosted
from admit.testing import SettableClock
from admit.testing import open as open_engine

GOOGLE = "oauth2-google"
URL = "https://accounts.shop.example"
CALLBACK = f"{URL}{C}/auth/callback"
PAGE = "https://shop.example/signed-in"
OTHER_PAGE = "https://shop.example/other?a=b"
STATE = "abcdefghijkl"
DEVICE = "0123456789abcdef01234567"
LOGIN = f"{A}/auth/providers/{GOOGLE}/login"


@attrs.frozen
class Journeys:
    """A shop with Google, and browsers that go there and back."""

    shop: Shop
    provider: Hostile

    def browser(self) -> TestClient:
        """Return one more browser, which comes over https: else it would not keep the cookie."""
        return TestClient(self.shop.client.app, base_url=URL, follow_redirects=False)

    def start(self, browser: TestClient, *, bearer: str | None = None, **query: str) -> Answer:
        """Return the answer to a page that opens the log-in."""
        device = base64.b64encode(json.dumps({"deviceId": DEVICE, "platform": "chrome"}).encode())
        wanted = {"state": STATE, "redirect": PAGE, "device": device.decode(), **query}
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in wanted.items())
        headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        return browser.get(f"{LOGIN}?{text}", headers=headers)

    def back(self, sent_to: str, **claims: object) -> dict[str, str]:
        """Return what the provider sends the browser back with."""
        sent = {name: values[0] for name, values in parse_qs(urlsplit(sent_to).query).items()}
        assert CALLBACK == sent["redirect_uri"]
        minted = self.provider.mint(self.provider.claims(sent["nonce"], **claims))
        self.provider.token_answer["id_token"] = minted
        return {"code": "the-code", "state": sent["state"]}


@pytest.fixture
def open_journeys(open_shop: OpenShop) -> Iterator[Callable[..., Journeys]]:
    """Return a function that opens a shop with Google on loopback."""
    with misbehaving(SettableClock()) as provider:

        def start(**settings: object) -> Journeys:
            fixed = {
                "server.public_url": URL,
                f"{GOOGLE}.issuer": provider.url,
                f"{GOOGLE}.client_id": CLIENT,
                f"{GOOGLE}.client_secret": Secret(CLIENT_SECRET),
                **{name: value for name, value in settings.items() if "disclosure" in name},
            }
            given = {
                f"{GOOGLE}.enabled": True,
                f"{GOOGLE}.redirect_uris": (CALLBACK,),
                f"{GOOGLE}.return_uris": (PAGE, OTHER_PAGE),
                **{name: value for name, value in settings.items() if name not in fixed},
            }
            return Journeys(open_shop(fixed=fixed, settings=given), provider)

        yield start


@pytest.fixture
def journeys(open_journeys: Callable[..., Journeys]) -> Journeys:
    """A shop with Google."""
    return open_journeys()


def told(answer: Answer, page: str = PAGE) -> dict[str, str]:
    """Return what the page is told behind its `#`, split as the client splits it."""
    assert 302 == answer.status_code, answer.text
    there, _, fragment = answer.headers["location"].partition("#")
    assert page == there
    assert all(part.count("=") == 1 for part in fragment.split("&"))
    return dict(parse_qsl(fragment))


@pytest.mark.parametrize("disclosure", ["compatible", "private"])
def test_a_browser_is_logged_in_through_the_provider(
    open_journeys: Callable[..., Journeys], disclosure: str
) -> None:
    """Given a page that opens the log-in, when its browser comes back from Google, then it is sent
    on to the page with the page's state, and both tokens, user and device in four parts; the
    cookie was bound to this browser and is gone (O2)."""
    journeys = open_journeys(**{"server.disclosure": disclosure})
    browser = journeys.browser()

    there = journeys.start(browser)
    cookie = there.headers["set-cookie"].lower()
    said = told(browser.get(f"{C}/auth/callback", params=journeys.back(there.headers["location"])))

    assert 302 == there.status_code
    assert cookie.startswith("__host-admit-")
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= set(cookie.split("; "))
    assert {"_baas_client_app_id", "_baas_state", "_baas_ua"} == set(said)
    assert ("shop-abcde", STATE) == (said["_baas_client_app_id"], said["_baas_state"])
    access, refresh, user, device = said["_baas_ua"].split("$")
    assert DEVICE == device
    shop = journeys.shop
    assert user == shop.get(f"{C}/auth/profile", bearer=access).json()["user_id"]
    assert 201 == shop.post(f"{C}/auth/session", bearer=refresh).status_code
    sessions = shop.engine.sessions.of(UserId(user))
    assert [(DEVICE, "chrome")] == [(one.device_id, one.device) for one in sessions]
    assert not browser.cookies


def test_apple_brings_the_answer_in_a_form(journeys: Journeys) -> None:
    """Given a callback by POST, then it is taken the same way."""
    browser = journeys.browser()
    back = journeys.back(journeys.start(browser).headers["location"])

    assert "_baas_ua" in told(browser.post(f"{C}/auth/callback", data=back))


def test_a_link_tells_the_page_where_to_go_and_brings_a_token_back(journeys: Journeys) -> None:
    """Given a logged-in user, when her page asks for a link, then 200 with the place in a header –
    an empty answer –, a cookie that comes along from another site, and at the end a token of her
    own session in the first of four parts."""
    shop, browser = journeys.shop, journeys.browser()
    shop.confirmed()
    tokens = shop.log_in()

    there = journeys.start(
        browser, bearer=tokens.access, link="true", providerRedirectHeader="true"
    )
    back = journeys.back(there.headers["x-baas-location"])
    said = told(browser.get(f"{C}/auth/callback", params=back))

    assert (200, b"") == (there.status_code, there.content)
    assert "content-type" not in there.headers
    assert "samesite=none" in there.headers["set-cookie"].lower()
    assert "true" == said["_baas_link"]
    access, refresh, user, device = said["_baas_ua"].split("$")
    assert (tokens.user, tokens.device) == (user, device)
    assert refresh
    profile = shop.get(f"{C}/auth/profile", bearer=access).json()
    assert ["local-userpass", GOOGLE] == [one["provider_type"] for one in profile["identities"]]


def test_o2_another_browser_cannot_bring_the_answer(journeys: Journeys) -> None:
    """Given a browser without the cookie – a victim's, who was sent the link –, then 401, nothing
    is sent to the page, and the right browser still gets in."""
    browser = journeys.browser()
    back = journeys.back(journeys.start(browser).headers["location"])

    stranger = journeys.browser().get(f"{C}/auth/callback", params=back)

    assert (401, "AuthError") == refused(stranger, URL)[:2]
    assert "_baas_ua" in told(browser.get(f"{C}/auth/callback", params=back))


def test_an_answer_counts_once(journeys: Journeys) -> None:
    """Given one that was taken, when it comes again, then 401."""
    browser = journeys.browser()
    back = journeys.back(journeys.start(browser).headers["location"])
    browser.get(f"{C}/auth/callback", params=back)

    assert 401 == browser.get(f"{C}/auth/callback", params=back).status_code


def test_an_answer_of_nobody_is_401(journeys: Journeys) -> None:
    """Given a state that was never given out, or none, then 401: there is no page to go to."""
    browser = journeys.browser()

    for query in ({"state": "unknown", "code": "x"}, {}):
        assert 401 == browser.get(f"{C}/auth/callback", params=query).status_code
    assert 400 == browser.post(f"{C}/auth/callback", content=b"\xff=\xff").status_code


def _cases() -> dict[str, tuple[dict[str, str], dict[str, object], str]]:
    return {
        "the user said no": ({"error": "access_denied"}, {}, "access_denied"),
        "for another client": ({}, {"aud": "other"}, "the credentials are not right"),
        "no code": ({"code": ""}, {}, "code: must be text"),
    }


@pytest.mark.parametrize(("changed", "claims", "says"), _cases().values(), ids=_cases().keys())
def test_what_goes_wrong_is_told_with_the_pages_state(
    journeys: Journeys, changed: dict[str, str], claims: dict[str, object], says: str
) -> None:
    """Given a provider that says no, or something that is not good, then the page is told – with
    its state, without which its log-in would wait on."""
    browser = journeys.browser()
    back = journeys.back(journeys.start(browser).headers["location"], **claims) | changed

    said = told(browser.get(f"{C}/auth/callback", params=back))

    assert STATE == said["_baas_state"]
    assert says in said["_baas_error"]
    assert "_baas_ua" not in said


def test_a_link_of_what_is_somebody_elses_is_told_with_the_state(journeys: Journeys) -> None:
    """Given Google's Ada, who logged in herself, when Bob links her, then his page is told so."""
    shop, browser = journeys.shop, journeys.browser()
    browser.get(
        f"{C}/auth/callback", params=journeys.back(journeys.start(browser).headers["location"])
    )
    shop.confirmed()
    there = journeys.start(browser, bearer=shop.log_in().access, link="true")
    back = journeys.back(there.headers["x-baas-location"])

    said = told(browser.get(f"{C}/auth/callback", params=back))

    assert "a user already exists with the specified provider" == said["_baas_error"]
    assert STATE == said["_baas_state"]


@pytest.mark.parametrize(
    "redirect",
    [
        "https://evil.example/signed-in",
        f"{PAGE}/",
        f"{PAGE}?x",
        PAGE.upper(),
        f"{PAGE}#",
        "https://shop.example@evil.example/signed-in",
        "//shop.example/signed-in",
        "javascript:alert(1)",
        "",
    ],
)
def test_t7_a_page_is_reached_by_its_exact_address_only(journeys: Journeys, redirect: str) -> None:
    """Given another address than one that is configured, to the last sign, then 400, no cookie."""
    answer = journeys.start(journeys.browser(), redirect=redirect)

    assert (400, "BadRequest") == refused(answer, URL)[:2]
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers


def test_t7_without_an_address_it_is_the_only_page_there_is(
    open_journeys: Callable[..., Journeys],
) -> None:
    """Given one configured page and none asked for, then that one; given two, or none, 400."""
    one = open_journeys(**{f"{GOOGLE}.return_uris": (PAGE,)})
    browser = one.browser()
    there = browser.get(f"{LOGIN}?state={STATE}")
    back = browser.get(f"{C}/auth/callback", params=one.back(there.headers["location"]))
    assert "_baas_ua" in told(back)

    for pages in ((PAGE, OTHER_PAGE), ()):
        shop = open_journeys(**{f"{GOOGLE}.return_uris": pages})
        assert 400 == shop.browser().get(f"{LOGIN}?state={STATE}").status_code


def test_t7_the_callback_is_the_configured_one_whatever_the_host_says(journeys: Journeys) -> None:
    """Given a forged Host and proxy headers, then the provider is told our configured callback."""
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    answer = journeys.browser().get(
        f"{LOGIN}?state={STATE}&redirect={quote(PAGE, safe='')}", headers=forged
    )

    assert "evil.example" not in answer.headers["location"]
    assert quote(CALLBACK, safe="") in answer.headers["location"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (LOGIN, 400, "BadRequest"),  # no state
        (f"{LOGIN}?state={'x' * 201}", 400, "BadRequest"),
        (f"{LOGIN}?state={STATE}&link=true", 401, "InvalidSession"),
        (f"{A}/auth/providers/oauth2-nobody/login?state=x", 404, "AuthProviderNotFound"),
        (f"{A}/auth/providers/local-userpass/login?state=x", 404, "AuthProviderNotFound"),
        (f"{A}/auth/providers/oauth2-facebook/login?state=x&redirect=y", 404,
         "AuthProviderNotFound"),
    ],
)  # fmt: skip
def test_what_cannot_begin_is_said_at_once(
    journeys: Journeys, path: str, status: int, code: str
) -> None:
    """Given no state, no token for a link, or no provider to send browsers to, then an error."""
    assert (status, code) == refused(journeys.browser().get(path), URL)[:2]


def test_a_page_of_a_configured_place_may_link_with_cookies(journeys: Journeys) -> None:
    """§1: given no configured origins, then the link's request – which is sent with cookies – is
    allowed to the pages that a log-in would be handed to, and to them alone; nothing else is."""

    def allowed(path: str, origin: str) -> tuple[str | None, str | None]:
        asks = {"origin": origin, "access-control-request-method": "GET"}
        headers = journeys.browser().options(path, headers=asks).headers
        return (
            headers.get("access-control-allow-origin"),
            headers.get("access-control-allow-credentials"),
        )

    assert ("https://shop.example", "true") == allowed(LOGIN, "https://shop.example")
    assert ("*", None) == allowed(LOGIN, "https://evil.example")
    assert ("*", None) == allowed(f"{C}/auth/profile", "https://shop.example")
    assert ("*", None) == allowed(f"{A}/auth/providers/anon-user/login", "https://shop.example")
    exposed = journeys.browser().get(f"{A}/location", headers={"origin": "https://shop.example"})
    assert "x-baas-location" in exposed.headers["access-control-expose-headers"]


def test_several_applications_have_one_callback(open_journeys: Callable[..., Journeys]) -> None:
    """Given an answer whose state another application gave out, then that one is found by it."""
    journeys = open_journeys()
    with open_engine() as other:
        app = make_app(
            [hosted(other, app_id="other-abcde"),
             hosted(journeys.shop.engine, app_id="shop-abcde")]
        )  # fmt: skip
        browser = TestClient(app, base_url=URL, follow_redirects=False)
        back = journeys.back(journeys.start(browser).headers["location"])

        assert "shop-abcde" == told(browser.get(f"{C}/auth/callback", params=back))[
            "_baas_client_app_id"
        ]  # fmt: skip


def test_what_goes_through_the_address_bar_opens_no_other_session(journeys: Journeys) -> None:
    """Given a link, then no part of what the page is told is the caller's refresh token."""
    shop, browser = journeys.shop, journeys.browser()
    shop.confirmed()
    tokens = shop.log_in()
    there = journeys.start(browser, bearer=tokens.access, link="true")

    said = told(
        browser.get(f"{C}/auth/callback", params=journeys.back(there.headers["x-baas-location"]))
    )

    assert tokens.refresh not in "".join(said.values())
