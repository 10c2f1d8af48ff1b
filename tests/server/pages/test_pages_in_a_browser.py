"""The pages in a real browser, on a real server: scanners leave the user pending, people do not."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pages import browsing
from served_process import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOCAL = "/api/client/v2.0/app/shop-abcde/auth/providers/local-userpass"
PASSWORD = "correct horse battery staple"
OTHER = "a password that is new"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose mails can be read."""
    folder: Path = tmp_path_factory.mktemp("served")
    (folder / "admit.toml").write_text('cool_down = "0s"\n[email]\napplication = "Example Shop"\n')
    with serving(folder, "--dev", "--app-id", "shop-abcde") as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with browsing() as context:
        assert context.browser is not None
        yield context.browser


def registered(server: Served, address: str) -> str:
    """Register; return the link that came."""
    assert 201 == server.ask(f"{LOCAL}/register", {"email": address, "password": PASSWORD})[0]
    return newest(server, address)["link"]


def newest(server: Served, address: str) -> dict[str, str]:
    """Return the newest mail to an address."""
    found = server.ask("/dev/inbox.json")[1]
    return next(one["mail"] for one in found if one["mail"]["to"] == address)


def gets_in(server: Served, address: str, password: str = PASSWORD) -> bool:
    """Whether a log-in succeeds."""
    return 200 == server.ask(f"{LOCAL}/login", {"username": address, "password": password})[0]


def test_t6_a_scanner_leaves_the_user_pending_and_a_person_confirms(
    server: Served, browser: Browser
) -> None:
    """Given the link of a mail, when a scanner asks for it by HEAD, three times by GET, and opens
    it in a browser that runs its scripts until all is quiet, then the user is pending; when a
    person types her password and presses Enter, then she is in."""
    link = registered(server, "ada@example.com")
    for method in ("HEAD", "GET", "GET", "GET"):
        request = urllib.request.Request(link, method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            assert 200 == answer.status
    scanner = browser.new_page()
    scanner.goto(link, wait_until="networkidle")
    assert not gets_in(server, "ada@example.com")

    page = browser.new_page()
    page.goto(link)
    page.wait_for_selector("#password:focus")  # by itself, soon after the page is there
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Your address is confirmed")
    assert gets_in(server, "ada@example.com")


def test_t6_the_token_leaves_the_address_bar_and_no_request_leaves_the_origin(
    server: Served, browser: Browser
) -> None:
    """Given a page with a token, when it is open, then neither its address nor the history has the
    token, no request went elsewhere or told where it came from, and nothing was refused by the
    page's own policy."""
    link = registered(server, "grace@example.com")
    page = browser.new_page()
    asked: list[Any] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request))
    page.on("console", lambda said: complaints.append(said.text))

    page.goto(link, wait_until="networkidle")
    page.wait_for_url("**/app/shop-abcde/confirm")

    assert f"{server.url}/app/shop-abcde/confirm" == page.url
    assert {server.url} == {
        one.url.partition("/app/")[0] for one in asked if "data:" not in one.url
    }
    assert not [one.url for one in asked if one.headers.get("referer")]
    assert not [text for text in complaints if "Content Security Policy" in text]
    page.goto(f"{server.url}/app/shop-abcde/reset")
    page.go_back()
    assert "token" not in page.url


def test_a_reset_is_done_by_keyboard_alone(server: Served, browser: Browser) -> None:
    """Given a user who forgot her password, when she asks for a mail on the page and sets another
    one, without a mouse, then that one opens."""
    page = browser.new_page()
    registered(server, "hedy@example.com")
    page.goto(f"{server.url}/app/shop-abcde/reset")
    page.focus("#again")
    page.keyboard.type("hedy@example.com")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Look into your mailbox")

    page.goto(reset_link(server, page, "hedy@example.com"))
    page.wait_for_url("**/app/shop-abcde/reset")
    page.wait_for_selector("#password:focus")
    page.keyboard.type(OTHER)
    page.keyboard.press("Tab")
    page.keyboard.type(OTHER)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert OTHER == page.input_value("#repeated")
    assert "text" == page.get_attribute("#repeated", "type")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_selector("text=Your new password is set")
    assert gets_in(server, "hedy@example.com", OTHER)


def reset_link(server: Served, page: Page, address: str) -> str:
    """Return the link of the reset, once the worker has sent it."""
    for _ in range(100):
        mail = newest(server, address)
        if "purpose=reset" in mail["link"]:
            return mail["link"]
        page.wait_for_timeout(100)
    raise AssertionError("no mail came")


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_keeps_people_out(server: Served, browser: Browser, look: str) -> None:
    """Given each page, in the light, in the dark and on a narrow screen, when axe looks at it, then
    it finds no violation, and nothing has to be scrolled sideways."""
    from axe_playwright_python.sync_playwright import Axe

    # axe is put into the page as an inline script, which its policy would refuse.
    page = browser.new_context(**LOOKS[look], bypass_csp=True).new_page()
    at = f"{server.url}/app/shop-abcde"
    dead = f"?token={'0' * 128}&tokenId={'0' * 24}"

    def check() -> None:
        page.wait_for_load_state()
        found = Axe().run(page)
        assert found.response["passes"]
        assert 0 == found.violations_count, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    for path in ("/confirm", "/reset", f"/confirm{dead}", f"/reset{dead}"):
        page.goto(f"{at}{path}")
        check()
    page.goto(f"{at}/confirm{dead}")
    page.fill("#password", "x" * 4)
    page.click("button.act")
    check()
    page.goto(f"{at}/confirm")
    page.fill("#address", "ada@example.com")
    page.fill("#code", "12")
    page.fill("#password", PASSWORD)
    page.click("button.act")
    page.wait_for_selector(".problem")
    check()


def test_the_first_tab_notices_that_she_confirms_on_her_phone(
    server: Served, browser: Browser
) -> None:
    """Given the link is open in a tab, when it is opened and pressed on another device, then the
    tab says that the address is confirmed, within four seconds of its clock."""
    link = registered(server, "joan@example.com")
    tab, phone = browser.new_page(), browser.new_page()
    tab.clock.install()
    tab.goto(link)

    phone.goto(link)
    phone.fill("#password", PASSWORD)
    phone.click("button.act")
    phone.wait_for_selector("text=Your address is confirmed")
    tab.clock.run_for(4000)

    tab.wait_for_selector("text=Your address is confirmed")
    assert not tab.is_visible("#password")


def test_without_scripts_it_works_as_well(server: Served, browser: Browser) -> None:
    """Given a browser that runs none, when the button is pressed, then she is confirmed."""
    link = registered(server, "mary@example.com")
    page = browser.new_context(java_script_enabled=False).new_page()

    page.goto(link)
    assert not page.is_visible("[data-shows]")
    page.fill("#password", PASSWORD)
    page.click("button.act")

    page.wait_for_selector("text=Your address is confirmed")
    assert gets_in(server, "mary@example.com")
