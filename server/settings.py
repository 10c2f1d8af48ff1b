"""The settings of the server: `[server]` in admit.toml, `ADMIT_SERVER_…`, `admit serve --…`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import attrs

from admit.hookspecs import hookimpl
from admit.settings import NOT_IN_STORE, setting

SECTION: Final = "server"


@attrs.frozen
class ServerSettings:
    """How an application is served. What concerns the whole process – where it listens, its limits,
    its proxies – is taken from the first application that is served."""

    app_id: str | None = setting(
        None,
        "The client app id, as clients name the application: shop-abcde.",
        where=NOT_IN_STORE,
    )
    internal_id: str | None = setting(
        None, "Its id in the Admin API, 24 hex digits; none: made of app_id.", where=NOT_IN_STORE
    )
    group_id: str | None = setting(None, "The id of its group there, likewise.", where=NOT_IN_STORE)
    host: str = setting("127.0.0.1", "The address to listen at.", where=NOT_IN_STORE)
    port: int = setting(
        8000, "The port; 0: any that is free.", minimum=0, maximum=65535, where=NOT_IN_STORE
    )
    public_url: str | None = setting(
        None,
        "The URL that clients reach the server by; none: the address that they connected to.",
        where=NOT_IN_STORE,
    )
    disclosure: str = setting(
        "compatible",
        "What App Services routes tell strangers: compatible, or private: nothing of accounts.",
        choices=("compatible", "private"),
        where=NOT_IN_STORE,
    )
    functions: tuple[str, ...] = setting(
        (),
        "Registered functions that clients may call by functions/call; no other can be.",
        where=NOT_IN_STORE,
    )
    function_time: timedelta = setting(
        timedelta(seconds=30),
        "How long a function that clients call may take to answer.",
        minimum=timedelta(milliseconds=100),
        maximum=timedelta(minutes=5),
    )
    fresh_log_in_needed: bool = setting(
        False, "Whether App Services routes ask for a fresh log-in to link and delete."
    )
    allowed_origins: tuple[str, ...] = setting(
        (), "Web pages that may call, as https://shop.example; none: all, without credentials."
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        "Networks of proxies whose X-Forwarded-For is believed, as 10.0.0.0/8.",
        where=NOT_IN_STORE,
    )
    body_limit_bytes: int = setting(
        1_500_000,
        "Bytes of a request's body. A custom token may have a million characters.",
        minimum=10_000,
        maximum=50_000_000,
        where=NOT_IN_STORE,
    )
    body_time: timedelta = setting(
        timedelta(seconds=10),
        "How long a body may take to arrive.",
        minimum=timedelta(milliseconds=100),
        maximum=timedelta(minutes=5),
        where=NOT_IN_STORE,
    )
    answer_time: timedelta = setting(
        timedelta(seconds=60),
        "How long an answer may take before the client is told to try later.",
        minimum=timedelta(seconds=1),
        maximum=timedelta(minutes=10),
        where=NOT_IN_STORE,
    )
    requests_a_minute: int = setting(
        1200,
        "Requests that one network may make in a minute, in each process.",
        minimum=10,
        maximum=10_000_000,
        where=NOT_IN_STORE,
    )
    drain_time: timedelta = setting(
        timedelta(seconds=20),
        "How long requests under way may take to end when the server is stopped.",
        minimum=timedelta(0),
        maximum=timedelta(minutes=10),
        where=NOT_IN_STORE,
    )
    workers: int = setting(1, "Processes that serve.", minimum=1, maximum=64, where=NOT_IN_STORE)
    log_format: str | None = setting(
        None,
        "How log lines are written: text, or json; none: text on a terminal.",
        choices=("text", "json"),
        where=NOT_IN_STORE,
    )
    metrics_for: tuple[str, ...] = setting(
        ("127.0.0.0/8", "::1/128"),
        "Networks that may read /metrics, if they come directly.",
        where=NOT_IN_STORE,
    )
    requests_at_once: int = setting(
        512,
        "Requests under way; one more is told to try later.",
        minimum=1,
        maximum=100_000,
        where=NOT_IN_STORE,
    )


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section, so that `admit settings` shows it whether the server runs or not."""
    return {SECTION: ServerSettings}
