"""Opening an engine: the store, the key, the plugins, the settings – and nothing started."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from ._api_keys import KeyFinder
from ._copy_mark import refuse_incomplete
from ._core import Core
from ._events import Acting
from ._ids import IdSource
from ._jwt import TokenSigner
from ._keys import KEY_RECORD, Key, KeyRing, find_keys
from ._locating import open_store
from ._passwords import PasswordHashing
from ._plugins import Plugins
from ._rendering import Rendering
from ._services import EngineServices
from ._setting_sources import ConfigFile, SettingSources, read_config
from ._signatures import HS256, needs_cryptography
from ._token_keys import TokenKeys
from ._worker import Worker
from .clock import Clock, SystemClock
from .engine import Engine
from .errors import InvalidInput, WrongKey
from .records import Actor
from .settings import Settings
from .stores import Change, KeyTaken, Put, Store, VersionMoved

_log: Final = logging.getLogger("admit")


def open(  # `admit.open`, as a file is opened
    store: str | os.PathLike[str] | Store,
    *,
    key: Key | Sequence[Key] | None = None,
    config: str | os.PathLike[str] | None = None,
    settings: Mapping[str, object] | None = None,
    plugins: Iterable[object] = (),
    discover: bool | Iterable[str] = True,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    worker: bool | None = None,
    dev: bool | Mapping[str, object] = False,
    clock: Clock | None = None,
    read_only: bool = False,
) -> Engine:
    """Open an engine on a store; use it with `with`, or `close()` it.

    Args:
        store: a path (`users.json`), a URL whose scheme an installed store serves, or a `Store`.
        key: 32 bytes, or their hex or base64; several rotate, newest first. Default: `ADMIT_KEY`,
            else the file `users.json.key`, made together with an empty local store.
        config: the configuration file; default: `ADMIT_CONFIG`, else `admit.toml` beside a local
            store.
        settings: values by name (`{"confirmation_flow": "auto"}`); stronger than any other source.
        plugins: plugin objects, or names of modules that are plugins.
        discover: load installed plugins too: all, none, or those named.
        functions: callables by name, for the function flow.
        worker: True: work the queue in a thread from now on. None: from the first use of `public`
            on. False: somebody else does (`admit work`).
        dev: mails land in a folder beside the store; what was left unset has harmless values –
            where it is a mapping, these first.
        clock: the source of time.
        read_only: nothing is written.

    Raises:
        WrongKey: no key, or not the one that the store was made with. Nothing was written.
        StoreError: the store cannot be opened.
        PluginError: a plugin does not load; it is named.
        InvalidInput, UnknownName: a setting, the configuration file or the store's URL is wrong.
    """
    return opened_with(
        store,
        key=key,
        config=config,
        settings=settings,
        plugins=plugins,
        discover=discover,
        functions=functions,
        worker=worker,
        dev=dev,
        clock=clock,
        read_only=read_only,
    )


def opened_with(
    store: str | os.PathLike[str] | Store,
    *,
    make_plugins: Callable[..., Plugins] = Plugins,
    key: Key | Sequence[Key] | None = None,
    config: str | os.PathLike[str] | None = None,
    settings: Mapping[str, object] | None = None,
    plugins: Iterable[object] = (),
    discover: bool | Iterable[str] = True,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    worker: bool | None = None,
    dev: bool | Mapping[str, object] = False,
    clock: Clock | None = None,
    read_only: bool = False,
) -> Engine:
    """Open an engine as `open` does, whose plugins are loaded by *make_plugins*."""
    plugins, discover = _checked(plugins, discover, settings, functions)
    opened = _open_store(store, read_only=read_only)
    try:
        refuse_incomplete(opened)
        clock = clock or SystemClock()
        file = read_config(config, opened.path)
        loaded = make_plugins(
            [*plugins, *file.plugins],
            discover=discover,
            functions={**_named_functions(file), **(functions or {})},
        )
        ids = IdSource()
        keys = _keys(opened, key, clock, ids, read_only=read_only)
        sections = {name: offer.value for name, offer in loaded.offers("register_settings").items()}
        sources = SettingSources(
            sections,
            file={**_dev_defaults(opened.path, dev), **file.settings},
            code=settings or {},
            store=opened,
            providers={
                name: bool(getattr(offer.value, "enabled_by_default", True))
                for name, offer in loaded.offers("register_providers").items()
            },
        )
        own = sources.current(Settings)
        passwords = PasswordHashing(own)
        api_keys = KeyFinder(opened, clock)
        core = Core(
            store=opened,
            clock=clock,
            ids=ids,
            keys=keys,
            signer=_signer(keys, opened, clock, ids, own),
            plugins=loaded,
            sources=sources,
            passwords=passwords,
            api_keys=api_keys,
            services=EngineServices(clock, loaded, sources, passwords, Rendering(), keys, api_keys),
            sessions_end_at_once=own.sessions_end_at_once,
        )
        _check_provider_settings(core)
    except BaseException:
        opened.close()
        raise
    running = Worker(core, when_needed=worker is not False)
    engine = Engine(core, Acting(Actor("application")), running)
    if worker:
        running.start()
    return engine


def _checked(
    plugins: object, discover: object, settings: object, functions: object
) -> tuple[list[object], bool | list[str]]:
    """Return *plugins* and *discover* as lists, which text – one name, that looks like a list of
    letters – is not. Raises InvalidInput, naming what is none."""
    for name, table in (("settings", settings), ("functions", functions)):
        if table is not None and not isinstance(table, Mapping):
            raise InvalidInput(name, f"must be a mapping, not {type(table).__name__}.")
    if isinstance(functions, Mapping) and not all(
        isinstance(name, str) and callable(function) for name, function in functions.items()
    ):
        raise InvalidInput("functions", "must be callables by name.")
    found = discover if isinstance(discover, bool) else _listed("discover", discover)
    return _listed("plugins", plugins), found


def _listed(name: str, given: object) -> list[Any]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InvalidInput(name, f"must be a list, not {type(given).__name__}.")
    return list(given)


def _open_store(store: str | os.PathLike[str] | Store, *, read_only: bool) -> Store:
    if hasattr(store, "commit"):
        return cast(Store, store)
    return open_store(cast(str, store), read_only=read_only)


def _keys(
    store: Store,
    given: Key | Sequence[Key] | None,
    clock: Clock,
    ids: IdSource,
    *,
    read_only: bool,
) -> KeyRing:
    """Return the keys, if they fit the store; an empty store is told which key it is made with."""
    record = store.find(KEY_RECORD)
    is_new = record is None and store.count("user", "all") == 0
    keys = find_keys(given, store.path, may_create=is_new and not read_only)
    if record is not None:
        known = record.body["key_id"]
        if known not in keys.ids:
            raise WrongKey(keys.source, known, keys.id)
        if known == keys.id or read_only:
            return keys
    elif read_only:
        return keys
    elif not is_new:
        raise WrongKey(keys.source, "unknown", keys.id)
    put = Put(
        "secret",
        ids.mint(clock.now()) if record is None else record.id,
        {"key_id": keys.id},
        None if record is None else record.version,
        (KEY_RECORD,),
    )
    try:
        store.commit(Change(put=(put,)))
    except (KeyTaken, VersionMoved):
        # Another process opened it in this moment: compare with the key that it wrote.
        return _keys(store, given, clock, ids, read_only=read_only)
    return keys


def _check_provider_settings(core: Core) -> None:
    """Let providers look at their settings: one that cannot be right is told now, not at the first
    log-in. Raises InvalidSetting."""
    for offer in core.plugins.offers("register_providers").values():
        check = getattr(offer.value, "check_settings", None)
        if check is not None:
            core.plugins.call_here(offer, "check_settings", partial(check, core.services))


def _signer(keys: KeyRing, store: Store, clock: Clock, ids: IdSource, own: Settings) -> TokenSigner:
    """Return what signs tokens. Raises MissingExtra: the algorithm of the setting needs it."""
    if own.access_token_algorithm != HS256:
        needs_cryptography(f"The algorithm {own.access_token_algorithm}")
    token_keys = TokenKeys(keys, store, own.access_token_algorithm, lambda: ids.mint(clock.now()))
    return TokenSigner(token_keys, own.token_issuer, own.token_audience)


def _named_functions(file: ConfigFile) -> dict[str, Callable[..., Any]]:
    """Return the callables that `admit.toml` names – the one place besides code that may."""
    found: dict[str, Callable[..., Any]] = {}
    for name, target in file.functions.items():
        module, _, attribute = target.partition(":")
        try:
            found[name] = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as problem:
            raise InvalidInput(
                f"functions.{name}", f"{target} cannot be imported: {problem}."
            ) from problem
    return found


def _dev_defaults(path: Path | None, dev: bool | Mapping[str, object]) -> dict[str, object]:
    if dev is False:
        return {}
    folder = Path(f"{path}.mail") if path is not None else Path("mail")
    _log.warning("development mode: mails land in %s", folder)
    return {
        "transport": "folder",
        "folder.path": folder,
        "email.sender": "admit@localhost.example",
        "email.link_base": "http://localhost:8000/confirm",
        **(dev if isinstance(dev, Mapping) else {}),
    }
