"""Running the server: engines opened, one process or several, stopped without losing a request."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Literal, cast

import attrs
import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

import admit
from admit.errors import InvalidInput

from . import logs
from .app import make_app
from .hosting import Hosted, ServedPlugin, hosted
from .metrics import SHARED, count_no_more
from .pages import PAGES
from .pages.pressing import CONFIRM
from .settings import SECTION, ServerSettings

_PLAN: Final = "ADMIT_SERVE_PLAN"
"""The environment variable by which a worker process learns what it serves."""


@attrs.frozen(kw_only=True)
class Plan:
    """What is to be served, and how."""

    stores: Mapping[str | None, str]
    """App id → path or URL of its store; the id None: the one of the settings."""
    config: str | None = None
    dev: bool = False
    settings: Mapping[str, str | int] = attrs.field(factory=dict)
    """Settings of the section `server`, as flags gave them."""
    pages: Mapping[str, str] = attrs.field(factory=dict)
    """Store → where its pages are, once that is known: in development mode, links of mails lead
    there, unless `email.link_base` says otherwise."""

    def text(self) -> str:
        """Return it as text that `from_text` reads."""
        return json.dumps(attrs.asdict(self) | {"stores": list(self.stores.items())})

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """Return the plan that was written so."""
        written = json.loads(text)
        return cls(**{**written, "stores": dict(written["stores"])})

    def with_pages(self, served: Sequence[Hosted], url: str) -> Plan:
        """Return this plan, with *served*, which it opened, reached at *url*."""
        pages = {
            store: f"{(one.settings.public_url or url).rstrip('/')}{PAGES.prefix}/{one.app_id}"
            for store, one in zip(self.stores.values(), served, strict=True)
        }
        return attrs.evolve(self, pages=pages)

    def dev_values(self, store: str) -> Mapping[str, object] | Literal[False]:
        """Return what `admit.open` takes as *dev*: nothing before the pages are known."""
        if not self.dev or store not in self.pages:
            return False
        return {"email.link_base": f"{self.pages[store]}/{CONFIRM.name}"}


@contextmanager
def opened(plan: Plan) -> Iterator[tuple[Hosted, ...]]:
    """Open the engines of *plan*, and close them afterwards.

    Raises:
        AdmitError: as `admit.open`.
        InvalidInput: two applications have one id; or development mode would be reachable by
            others: it shows every mail.
    """
    with ExitStack() as stack:
        served: list[Hosted] = []
        for name, store in plan.stores.items():
            engine = stack.enter_context(
                admit.open(
                    store,
                    config=plan.config,
                    dev=plan.dev_values(store),
                    plugins=[ServedPlugin(name)],
                    settings={f"{SECTION}.{key}": value for key, value in plan.settings.items()},
                    # Nothing is mailed by one that is opened to be looked at only.
                    worker=bool(plan.pages) or not plan.dev,
                )
            )
            one = hosted(engine, app_id=name, inline=engine.is_local)
            if plan.dev and not _is_loopback(one.settings.host):
                raise InvalidInput(
                    f"{SECTION}.host",
                    "is no loopback address, and development mode shows every mail.",
                    "Serve at 127.0.0.1, or leave --dev out.",
                )
            served.append(one)
        yield tuple(served)


Announce = Callable[[tuple[Hosted, ...], str], None]


def run(plan: Plan, *, when_listening: Announce = lambda served, url: None) -> None:
    """Serve until SIGINT or SIGTERM: then take no more, finish what is under way, and close.

    *when_listening* is called with what is served and the URL where, before the first request.

    Raises:
        AdmitError: as `opened`, before anything listens.
        InvalidInput: the address is in use, or none of this machine's.
    """
    with ExitStack() as stack:
        with opened(plan) as served:
            settings = served[0].settings
            listening = stack.enter_context(_bound(settings))
            url = _url(settings, listening)
            if settings.workers > 1:
                when_listening(served, url)
            elif not plan.dev:
                when_listening(served, url)
                _serve(served, plan, listening)
                return
            plan = plan.with_pages(served, url)
        if settings.workers == 1:
            with opened(plan) as served:  # once more, now that it is known where links lead
                when_listening(served, url)
                _serve(served, plan, listening)
            return
        # Each process opens its own: an engine must not be carried across a fork.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="admit-metrics-"))
        logs.configure(cast(Any, settings.log_format))
        os.environ |= {_PLAN: plan.text(), SHARED: folder}
        config = _config(f"{__name__}:worker_app", settings, workers=settings.workers)
        _Workers(config, [listening], folder).run()


class _Workers(Multiprocess):
    """uvicorn's processes, of which those that are gone have nothing under way."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], folder: str) -> None:
        super().__init__(config, sockets)
        self._folder = folder
        self._known: set[int] = set()

    def keep_subprocess_alive(self) -> None:
        """Replace the dead, as ever, and count them no longer. Called twice a second."""
        super().keep_subprocess_alive()
        here = {process.pid for process in self.processes if process.pid is not None}
        for gone in self._known - here:
            count_no_more(gone, self._folder)
        self._known = here


def _serve(served: Sequence[Hosted], plan: Plan, listening: socket.socket) -> None:
    settings = served[0].settings
    logs.configure(cast(Any, settings.log_format))
    with _ended_by_signals():
        server = uvicorn.Server(_config(make_app(served, dev=plan.dev), settings))
        server.run(sockets=[listening])


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a signal that stops the server do no more than that: uvicorn raises it once more when all
    is finished, and the engines want to be closed then."""
    handlers = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def worker_app() -> ASGIApp:
    """Return the application of one worker process, by the plan in its environment."""
    plan = Plan.from_text(os.environ[_PLAN])
    stack = ExitStack()
    served = stack.enter_context(opened(plan))
    logs.configure(cast(Any, served[0].settings.log_format))
    return make_app(served, dev=plan.dev, at_end=stack.close)


def _config(app: Any, settings: ServerSettings, *, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_reader(),
        ws="none",
        factory=isinstance(app, str),
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # ours, by the setting server.trusted_proxies
        timeout_graceful_shutdown=int(settings.drain_time.total_seconds()),
    )


def _reader() -> Any:
    """Return what reads requests: within the limits of heads, which h11 – where there is no
    httptools – has of its own."""
    if importlib.util.find_spec("httptools") is None:
        return "h11"
    from .heads import HeadGuard  # it needs httptools

    return HeadGuard


@contextmanager
def _bound(settings: ServerSettings) -> Iterator[socket.socket]:
    """Return a socket that listens where the settings say. Raises InvalidInput."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server(
            (settings.host, settings.port), family=family, backlog=2048
        )
    except OSError as problem:
        raise InvalidInput(
            f"{SECTION}.host, {SECTION}.port",
            f"cannot listen at {settings.host}:{settings.port}: {problem.strerror or problem}.",
            "Choose another with --host and --port.",
        ) from None
    with listening:
        # Connections inherit it. asyncio's own loop sets it only for sockets that say they are TCP,
        # which this one does not; without it, answers on a kept connection are 40 ms late.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listening


def _url(settings: ServerSettings, listening: socket.socket) -> str:
    """Return where the server is reached on this machine; port 0 has become a real one."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listening.getsockname()[1]}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def app_ids(names: Sequence[str]) -> dict[str | None, str]:
    """Return `ID=STORE` texts as a table.

    Raises:
        InvalidInput: one has no `=`, or an id stands twice.
    """
    found: dict[str | None, str] = {}
    for name in names:
        app_id, has_store, store = name.partition("=")
        if not has_store or not app_id or not store:
            raise InvalidInput("app", f"{name!r} is not ID=STORE.", "Write shop-abcde=shop.json.")
        if app_id in found:
            raise InvalidInput("app", f"{app_id!r} stands twice.")
        found[app_id] = store
    return found
