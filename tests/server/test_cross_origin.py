"""Pages of other origins: they may call the APIs that are for them, and read nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from admit.server.app import make_app
from admit.server.hosting import hosted
from admit.testing import open as open_engine

APP = "/api/client/v2.0/app/shop-abcde"
HERE = "http://127.0.0.1:8000"
ALLOWED = "access-control-allow-origin"
EVIL = {"origin": "https://evil.example"}
PREFLIGHT = EVIL | {"access-control-request-method": "GET"}


@pytest.fixture
def developer() -> Iterator[TestClient]:
    """Return a client of a server in development mode, asked as on the machine where it runs."""
    with open_engine() as engine:
        app = make_app([hosted(engine, app_id="shop-abcde")], dev=True)
        yield TestClient(app, base_url=HERE, client=("127.0.0.1", 1))


@pytest.mark.parametrize(
    "path",
    ["/dev/inbox", "/dev/inbox.json", "//dev/inbox.json", "/metrics", "/health/ready",
     "/openapi.json", "/api", "/apis/x"],
)  # fmt: skip
def test_pages_of_other_origins_read_only_what_is_an_api(developer: TestClient, path: str) -> None:
    """Given no allowed origins, which lets every page call the APIs, then no answer outside of
    them – the mails with their links first of all – can be read by such a page."""
    url = HERE + path
    asked, before = developer.get(url, headers=EVIL), developer.options(url, headers=PREFLIGHT)

    for slashes in ("", "/"):
        location = developer.get(f"{HERE}{slashes}{APP}/location", headers=EVIL)
        assert "*" == location.headers[ALLOWED]
    assert not [name for name in asked.headers if name.startswith("access-control-")]
    assert 403 == before.status_code
    assert ALLOWED not in before.headers


@pytest.mark.parametrize("path", ["/dev/inbox", "/dev/inbox.json"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8000"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"host": "evil.example"}, 403),
    ],
)
def test_the_inbox_answers_nobody_whom_another_page_sent(
    developer: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    """Given what browsers say of who asks (Fetch Metadata; RFC 6454 §7), then only the page itself
    and the developer who types its address get the mails."""
    assert status == developer.get(path, headers=headers).status_code


def test_the_origins_of_an_application_count_wherever_a_path_names_it() -> None:
    """Given two applications, one of which names its origins, then a page of such an origin calls
    that one alone – by our API, by the Admin API, by the client API –, and no other page does."""
    shop = {"origin": "https://shop.example", "access-control-request-method": "GET"}
    with (
        open_engine(settings={"server.allowed_origins": "https://shop.example"}) as one,
        open_engine(settings={"server.allowed_origins": "https://else.example"}) as two,
    ):
        served = [hosted(one, app_id="shop-abcde"), hosted(two, app_id="else-abcde")]
        client = TestClient(make_app(served))

        def may(path: str) -> bool:
            return ALLOWED in client.options(path, headers=shop).headers

        for app in served:
            paths = [
                f"/api/v1/apps/{app.app_id}/users",
                f"/api/admin/v3.0/groups/{app.group_id}/apps/{app.internal_id}/users",
                f"/api/client/v2.0/app/{app.app_id}/location",
            ]
            assert [app is served[0]] * 3 == [may(path) for path in paths]
        assert may("/api/client/v2.0/auth/profile")  # which names none
