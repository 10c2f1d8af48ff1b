"""What holds for every page: it keeps its token to itself, lets no other site press its button,
shows hostile data harmlessly, and is replaced by templates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mailed_pages import ADA, PASSWORD, SHOP, Desk, heading

import admit
from admit.server.pages import PAGES
from admit.server.pages.texts import ENGLISH, TEXTS, language_of

OpenDesk = Callable[..., Desk]
HOSTILE = "\"><script>alert(1)</script>\u202e'😈{{ 7 * 7 }}"


@pytest.mark.parametrize("page", ["confirm", "reset"])
def test_t6_a_page_keeps_its_token_to_itself(desk: Desk, page: str) -> None:
    """Given a page with a token, when it is answered, then it is not kept, tells no referrer, and
    runs and sends nothing but its own: no script stands in it."""
    answer = desk.look(page, token="a" * 128, tokenId="b" * 24)

    assert "no-store" == answer.headers["cache-control"]
    assert "no-referrer" == answer.headers["referrer-policy"]
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "form-action 'self'"} <= set(policy)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert 1 == answer.text.count("<script")
    assert '<script src="pages.js" defer></script>' in answer.text
    script = desk.client.get(f"{SHOP}/pages.js")
    assert "history.replaceState" in script.text
    assert "text/javascript; charset=utf-8" == script.headers["content-type"]


def test_n2_another_site_cannot_press_the_button(desk: Desk) -> None:
    """Given a good link, when a page of another origin sends the form, then it is refused; a page
    of this one – which says `null` for it tells no referrer – is not."""
    fields = {**desk.registered(), "password": PASSWORD}

    def sent(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return desk.client.post(f"{SHOP}/confirm", data=fields, headers=named).status_code

    assert 403 == sent(sec_fetch_site="cross-site", origin="null")
    assert 403 == sent(sec_fetch_site="same-site")
    assert 403 == sent(origin="https://elsewhere.example")
    assert "pending" == desk.state()
    assert 200 == sent(origin="http://testserver")
    assert 200 == sent(origin="null", sec_fetch_site="same-origin")


def test_n2_the_public_url_is_an_origin_of_ours(open_desk: OpenDesk) -> None:
    """Given a server behind a proxy, when the form comes from its public URL, then it is taken."""
    desk = open_desk(fixed={"server.public_url": "https://accounts.shop.example"})
    fields = {**desk.registered(), "password": PASSWORD}
    headers = {"origin": "https://accounts.shop.example"}

    answer = desk.client.post(f"{SHOP}/confirm", data=fields, headers=headers)

    assert 200 == answer.status_code


@pytest.mark.parametrize("page", ["confirm", "reset"])
def test_n2_hostile_data_shows_harmlessly(open_desk: OpenDesk, page: str) -> None:
    """Given markup in everything that a stranger or a setting can say, when it is shown, then it is
    text."""
    desk = open_desk(settings={"email.application": HOSTILE})
    shown = [
        desk.look(page, token=HOSTILE, tokenId=HOSTILE, purpose=HOSTILE),
        desk.press(page, token=HOSTILE, tokenId=HOSTILE),
        desk.press(page, address=HOSTILE, code=HOSTILE),
        desk.press(page, token=HOSTILE, tokenId=HOSTILE, password=HOSTILE, repeated=HOSTILE),
        desk.client.get(f"/app/{HOSTILE}/confirm"),
    ]

    for answer in shown:
        assert "<script>" not in answer.text
        assert "&#34;&gt;&lt;script&gt;" in answer.text or answer.status_code == 404
        assert "49" not in answer.text


def test_a_form_that_no_page_of_ours_sends_confirms_nobody(desk: Desk) -> None:
    """Given a good link, when it is sent as JSON, with bytes that are no text, or with more fields
    than any form has, then nothing is done, and nothing breaks."""
    fields = {**desk.registered(), "password": PASSWORD}
    kind = {"content-type": "application/x-www-form-urlencoded"}
    at = f"{SHOP}/confirm"

    assert 400 == desk.client.post(at, json=fields).status_code
    assert 400 == desk.client.post(at, content=b"token=\xff%ff&x", headers=kind).status_code
    assert 400 == desk.client.post(at, data={str(n): "x" for n in range(30)}).status_code
    assert "pending" == desk.state()


def test_n6_templates_of_a_folder_replace_ours(open_desk: OpenDesk, tmp_path: Path) -> None:
    """Given a folder with a page and a style sheet of one's own, when they are asked for, then they
    are used; what is not replaced stays. Nothing of Python is within their reach."""
    (tmp_path / "confirm_page.html.j2").write_text(
        '{% extends "page.html.j2" %}{% block body %}<h1>Ahoy, {{ page }}</h1>{% endblock %}'
    )
    (tmp_path / "pages.css.j2").write_text("body { color: teal }")
    desk = open_desk(settings={"templates": tmp_path})

    assert "Ahoy, confirm" == heading(desk.look())
    assert "Choose a new password" == heading(desk.look("reset"))
    assert "body { color: teal }" == desk.client.get(f"{SHOP}/pages.css").text

    (tmp_path / "confirm_page.html.j2").write_text("{{ ''.__class__.__mro__ }}")
    broken = desk.look()
    assert 503 == broken.status_code
    assert "class" not in broken.text


def test_n6_a_template_that_grows_without_end_is_cut(open_desk: OpenDesk, tmp_path: Path) -> None:
    """Given a template that makes more than a million characters, then its page is refused."""
    (tmp_path / "reset_page.html.j2").write_text("{% for n in range(9999) %}{{ t }}{% endfor %}")
    desk = open_desk(settings={"templates": tmp_path})

    assert 503 == desk.look("reset").status_code


def test_a_plugins_no_is_shown_in_its_words(open_desk: OpenDesk) -> None:
    """Given a plugin that refuses, when the button is pressed, then its sentence is on the page."""
    desk = open_desk(plugins=[Sundays()])

    answer = desk.press(**desk.registered(), password=PASSWORD)

    assert (409, "This cannot be done") == (answer.status_code, heading(answer))
    assert "Not on Sundays." in answer.text
    assert "pending" == desk.state()


def test_nobodys_application_is_not_found(desk: Desk) -> None:
    """Given an id that nothing is hosted under, and a path without a page, then people read so."""
    answers = [desk.client.get("/app/nothing-abcde/confirm"), desk.client.get(f"{SHOP}/nothing")]

    for answer in answers:
        assert 404 == answer.status_code
        assert "text/html; charset=utf-8" == answer.headers["content-type"]


def test_the_language_is_the_browsers_as_far_as_there_is_one() -> None:
    """Given what browsers say, then the best that is known is chosen, and English otherwise; each
    language says all that English says."""
    known = {"en": 1, "de": 1}

    assert "de" == language_of("de-DE,de;q=0.9,en;q=0.8", known)
    assert "en" == language_of("fr;q=1.0, en;q=0.4, de;q=0.2", known)
    assert "en" == language_of("", known)
    assert "en" == language_of("de;q=0", known)
    assert "en" == language_of("de;q=9," + "x" * 10_000, known)
    for texts in TEXTS.values():
        assert set(ENGLISH) == set(texts)


def test_t6_looking_changes_nothing_whatever_stands_in_the_link(desk: Desk) -> None:
    """Given a good link, when every page and file is asked for by GET and HEAD, three times, then
    Ada is as she was, and her link is good."""
    link = desk.registered()
    before = desk.engine.users.find(ADA)
    paths = [PAGES.prefix + route.path for route in PAGES.routes if route.method == "GET"]
    assert 4 == len(paths)

    for _ in range(3):
        for path in (path.replace("{app}", "shop-abcde") for path in paths):
            for method in ("GET", "HEAD"):
                for purpose in ({}, {"purpose": "reset"}):
                    answer = desk.client.request(method, path, params=link | purpose)
                    assert 200 == answer.status_code, path

    assert before == desk.engine.users.find(ADA)
    assert 200 == desk.press(**link, password=PASSWORD).status_code


class Sundays:
    """A plugin."""

    @admit.hookimpl
    def before_confirm(self) -> str:
        """Refuse, always."""
        return "Not on Sundays."
