"""realm-web in a real page: across origins, and to a provider and back through the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import oidc_provider_mock
import pytest
from pages import browsing, serving_pages
from realm_web import Walkable, claims, installed, redirecting, walkable

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

LOG_IN = """async ([url, page]) => {
    const app = new Realm.App({ id: "auto-abcde", baseUrl: url });
    const user = await app.logIn(Realm.Credentials.google({ redirectUrl: page }));
    return { id: user.id, device: user.deviceId, identities: user.identities };
}"""
LINK = """async ([url, page]) => {
    const app = new Realm.App({ id: "auto-abcde", baseUrl: url });
    const user = await app.logIn(Realm.Credentials.anonymous());
    await user.linkCredentials(Realm.Credentials.google({ redirectUrl: page }));
    await user.refreshCustomData();
    return user.identities.map((one) => one.providerType);
}"""
PROBE = """async (url) => {
    const app = new Realm.App({ id: "auto-abcde", baseUrl: url });
    try {
        return (await app.logIn(Realm.Credentials.anonymous())).providerType;
    } catch (problem) {
        return problem.name;
    }
}"""

CAME = """() => Promise.race([
    window.came,
    new Promise((_, no) => setTimeout(() => no(new Error("it never ended")), 30_000)),
])"""


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The pages' port."""
    with serving_pages(installed()) as port:
        yield port


@pytest.fixture
def browser() -> Iterator[BrowserContext]:
    """A browser without any cookie."""
    with browsing() as context:
        context.set_default_timeout(30_000)
        yield context


@pytest.fixture
def issuer() -> Iterator[str]:
    """A provider of OpenID Connect that asks people who they are."""
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


def opened(browser: BrowserContext, port: int, host: str = "localhost") -> Page:
    """Return the page, from the origin of that host."""
    page = browser.new_page()
    page.goto(f"http://{host}:{port}/page.html")
    page.wait_for_function("() => window.walk && window.Realm")
    return page


def say_who_you_are(window: Page) -> None:
    """Answer the provider's page."""
    window.locator("input[name=sub]").fill("ada-1815")
    window.locator("button:has-text('Authorize')").click()


def say_no(window: Page) -> None:
    """Come back from the provider as who said no there. The one here would forget the state, which
    RFC 6749 §4.1.2.1 wants."""
    sent = parse_qs(urlsplit(window.url).query)
    window.goto(f"{sent['redirect_uri'][0]}?error=access_denied&state={sent['state'][0]}")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Walkable]:
    """A server with the applications of the walk."""
    with walkable(tmp_path) as found:
        yield found


def test_the_walk_in_a_page_of_another_origin(
    browser: BrowserContext, pages: int, served: Walkable
) -> None:
    """Given a page from elsewhere – each of whose requests the browser asks about beforehand –,
    when it walks over realm-web as Node does, then each claim holds."""
    page = opened(browser, pages)

    def mail(address: str, before: dict[str, str] | None = None) -> dict[str, str]:
        _, mails = served.server.ask("/dev/inbox.json")
        link = next(one["mail"]["link"] for one in mails if one["mail"]["to"] == address)
        query = parse_qs(urlsplit(link).query)
        return {name: query[name][0] for name in ("token", "tokenId")}

    def admin(app: str, method: str, path: str) -> None:
        assert "POST" == method
        status, said = served.server.ask(f"/api/v1/apps/{app}{path}", {}, served.given["admin_key"])
        assert status in {200, 204}, said

    page.expose_function("mail", mail)
    page.expose_function("admin", admin)
    given: dict[str, Any] = {**served.given, "run": "page"}

    walked = page.evaluate("(given) => walk(Realm, { ...given, mail, admin }, () => {})", given)

    assert claims() == walked


def test_o2_a_page_logs_in_through_a_provider_and_back(
    browser: BrowserContext, pages: int, issuer: str, tmp_path: Path
) -> None:
    """Given a page that logs in with Google, when its window comes back from there, then the page
    has a user with Google's identity; the window's address bar led nobody astray."""
    with redirecting(tmp_path, pages, issuer) as server:
        page = opened(browser, pages)
        there = f"http://localhost:{pages}/signed_in.html"
        with browser.expect_page() as window:
            page.evaluate(f"(given) => {{ window.came = ({LOG_IN})(given); }}", [server.url, there])
        say_who_you_are(window.value)
        user = page.evaluate(CAME)

        assert ["oauth2-google"] == [one["providerType"] for one in user["identities"]]
        assert ["ada-1815"] == [one["id"] for one in user["identities"]]
        assert 24 == len(user["device"])


def test_o2_a_page_links_through_a_provider_with_a_cookie(
    browser: BrowserContext, pages: int, issuer: str, tmp_path: Path
) -> None:
    """Given an anonymous user on a page of another origin of the same site – a browser that blocks
    the cookies of third parties keeps none for any other –, when she links Google through a window,
    then she has both identities, and her session goes on."""
    with redirecting(tmp_path, pages, issuer) as server:
        page = opened(browser, pages, "127.0.0.1")
        there = f"http://127.0.0.1:{pages}/signed_in.html"
        with browser.expect_page() as window:
            page.evaluate(f"(given) => {{ window.came = ({LINK})(given); }}", [server.url, there])
        say_who_you_are(window.value)

        assert ["anon-user", "oauth2-google"] == page.evaluate(CAME)


def test_a_page_is_told_that_the_provider_said_no(
    browser: BrowserContext, pages: int, issuer: str, tmp_path: Path
) -> None:
    """Given a person who says no at the provider, then the page's log-in ends with an error – it
    does not wait for ever, since the answer carries its state."""
    with redirecting(tmp_path, pages, issuer) as server:
        page = opened(browser, pages)
        there = f"http://localhost:{pages}/signed_in.html"
        with browser.expect_page() as window:
            page.evaluate(
                f"(given) => {{ window.came = ({LOG_IN})(given).catch((no) => String(no)); }}",
                [server.url, there],
            )
        say_no(window.value)

        assert "Error" in page.evaluate(CAME)


def test_pages_of_other_origins_are_kept_out_where_some_are_named(
    browser: BrowserContext, pages: int, issuer: str, tmp_path: Path
) -> None:
    """Given one allowed origin, then a page of it logs in, and the browser lets none of another
    origin read an answer."""
    allowed = f'allowed_origins = ["http://localhost:{pages}"]'
    with redirecting(tmp_path, pages, issuer, allowed) as server:
        assert "anon-user" == opened(browser, pages).evaluate(PROBE, server.url)
        other = opened(browser, pages, "127.0.0.1").evaluate(PROBE, server.url)

    assert "TypeError" == other
