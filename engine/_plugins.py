"""Loading plugins and calling them one at a time, so that every failure has a name.

The only module that touches pluggy.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, Final

import attrs
import pluggy

from . import hookspecs
from ._calls import Calls, run_to_end
from ._text import check_text
from .errors import (
    AdmitError,
    NotFound,
    PluginClash,
    PluginFailed,
    UnknownHook,
    UnknownName,
    Vetoed,
)
from .providers import Check, Claim, NewIdentity, RedirectTerms
from .settings import fields

_log: Final = logging.getLogger("admit.plugins")
GROUP: Final = "admit"
"""The entry points that are plugins."""
_SLOW_SECONDS: Final = 0.05
"""An event hook that takes longer is named in the log: it holds up its caller."""

DEFAULT_LIMIT_SECONDS: Final = 30.0

HOOKS: Final = tuple(
    name
    for name, member in vars(hookspecs).items()
    if name.startswith(("register_", "before_", "after_")) and inspect.isfunction(member)
)
Taken = Callable[[Mapping[str, Any]], tuple[Any, ...]]
"""Picks the arguments that a plugin's function takes, among all that its hook has."""
_OFFERS: Final = {
    "register_confirmation_flows": "confirmation flow",
    "register_reset_flows": "reset flow",
    "register_providers": "provider",
    "register_hash_formats": "hash format",
    "register_claims": "claims",
    "register_transports": "transport",
    "register_functions": "function",
    "register_erase_steps": "erase step",
    "register_settings": "settings section",
    "register_commands": "command",
}
_FOR_THE_COMMAND_LINE: Final = frozenset({"register_commands"})
"""What no engine asks for."""
_ANSWERS: Final[Mapping[str, type]] = {
    "identify": Claim,
    "check": Check,
    "claims": Mapping,
    "new_identity": NewIdentity,
    "private_data": Mapping,
    "imported_private": Mapping,
    "verify_private": bool,
    "redirect_terms": RedirectTerms,
    "begin_redirect": str,
    "end_redirect": Claim,
}
"""What a provider's methods must answer."""
_REGISTERING: Final = ("new_identity", "private_data", "verify_private")
"""The methods of a provider whose users register."""
_REDIRECTING: Final = ("redirect_terms", "begin_redirect", "end_redirect")
"""The methods of a provider to which browsers can be sent."""


@attrs.frozen
class Offer:
    """A named object that a plugin registered, and whose it is."""

    name: str
    plugin: str
    value: Any

    @property
    def inline(self) -> bool:
        """Whether it does no I/O and so needs no thread and no limit."""
        return bool(getattr(self.value, "inline", False))


@attrs.frozen
class PluginInfo:
    """What `admit plugins` shows of one plugin."""

    name: str
    source: str
    hooks: tuple[str, ...]
    offers: tuple[str, ...]
    failures: int
    hanging: int
    problem: AdmitError | None = None
    """Why it does not load; only a survey has one, for an engine would not open."""


class Plugins:
    """The plugins of one engine: loaded once, called by name."""

    def __init__(
        self,
        plugins: Iterable[object] = (),
        *,
        discover: bool | Iterable[str] = True,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.calls = Calls()
        self._failures: Counter[str] = Counter()
        self._sources: dict[str, str] = {}
        self._manager = pluggy.PluginManager("admit")
        self._manager.add_hookspecs(hookspecs)
        self._discover(discover)
        for plugin in plugins:
            self._load(plugin, "open(plugins=…)")
        self._refuse_unknown_hooks()
        self._chains = {name: self._chain(name) for name in HOOKS}
        self._offers = {
            hook: self._collect(hook) for hook in _OFFERS if hook not in _FOR_THE_COMMAND_LINE
        }
        for name, function in (functions or {}).items():
            self._add(self._offers["register_functions"], "function", name, "open()", function)

    # --- loading -------------------------------------------------------------------------------

    def _discover(self, discover: bool | Iterable[str]) -> None:
        if discover is False:
            return
        import importlib.metadata  # 15 ms that an engine without discovery does not need

        found = importlib.metadata.entry_points(group=GROUP)
        wanted = None if discover is True else set(discover)
        if wanted is not None and wanted - found.names:
            raise UnknownName("plugin", sorted(wanted - found.names)[0], sorted(found.names))
        for entry in sorted(found, key=lambda entry: entry.name):
            if wanted is None or entry.name in wanted:
                source = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
                self._load(entry.value, source, entry.name)

    def _load(self, plugin: object, source: str, name: str | None = None) -> None:
        if isinstance(plugin, str):
            name = name or plugin
            try:
                plugin = importlib.import_module(plugin)
            except Exception as problem:
                raise PluginFailed(name, "import", _say(problem)) from problem
        if inspect.isclass(plugin):
            raise PluginFailed(
                plugin.__name__, "loading", "this is a class; hand over an instance of it"
            )
        if self._manager.is_registered(plugin):
            return  # installed, and named in the configuration as well
        named: str = name or getattr(plugin, "__name__", None) or self._instance_name(plugin)
        try:
            self._manager.register(plugin, named)
        except ValueError:
            first = self._sources.get(named, named)
            raise PluginClash("plugin name", named, first, source) from None
        except pluggy.PluginValidationError as problem:
            raise PluginFailed(named, "loading", str(problem).strip()) from problem
        self._sources[named] = source

    def _instance_name(self, plugin: object) -> str:
        """Name an instance after its class; the second of that class gets a number."""
        name = type(plugin).__name__
        others = [p for _, p in self._manager.list_name_plugin() if type(p) is type(plugin)]
        return f"{name} {len(others) + 1}" if others else name

    def _refuse_unknown_hooks(self) -> None:
        for name, plugin in self._manager.list_name_plugin():
            callers = self._manager.get_hookcallers(plugin) or []
            for caller in callers:
                if not caller.has_spec():
                    import difflib  # needed for this sentence alone

                    meant = difflib.get_close_matches(caller.name, HOOKS, 1)
                    raise UnknownHook(name, caller.name, HOOKS, meant[0] if meant else None)
            # A veto that is not asked because its mark was forgotten would let everything pass.
            filled = {caller.name for caller in callers}
            for hook in HOOKS:
                if hook not in filled and inspect.isroutine(getattr(plugin, hook, None)):
                    raise PluginFailed(name, hook, "is not marked with @admit.hookimpl")
            if not callers:
                raise PluginFailed(
                    name, "loading", "fills no hook: mark its functions with @admit.hookimpl"
                )

    def _chain(self, hook: str) -> tuple[tuple[str, Callable[..., Any], Taken], ...]:
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        for implementation in implementations:
            if implementation.hookwrapper or implementation.wrapper:
                raise PluginFailed(
                    implementation.plugin_name,
                    hook,
                    "wrappers are not supported: plugins are "
                    "called one at a time, so that each failure has a name",
                )
            if inspect.iscoroutinefunction(implementation.function):
                raise PluginFailed(
                    implementation.plugin_name,
                    hook,
                    "hooks are plain functions; what a register_… hook offers may be async",
                )
        return tuple(
            (i.plugin_name, i.function, _taking(i.argnames)) for i in reversed(implementations)
        )

    def _collect(self, hook: str) -> dict[str, Offer]:
        offers: dict[str, Offer] = {}
        for plugin, function, _ in self._chains[hook]:
            try:
                answer = function()
                if not isinstance(answer, Mapping | Iterable | None):
                    raise PluginFailed(plugin, hook, "must answer an iterable")
                if isinstance(answer, Mapping):
                    named = list(answer.items())
                else:
                    named = [(getattr(value, "name", None), value) for value in answer or ()]
            except PluginFailed:
                raise
            except Exception as problem:
                raise PluginFailed(plugin, hook, _say(problem)) from problem
            for name, value in named:
                if not isinstance(name, str) or not name:
                    raise PluginFailed(
                        plugin, hook, f"{type(value).__name__} has no attribute `name`, a text"
                    )
                if hook == "register_settings":
                    _check_section(plugin, name, value)
                elif hook == "register_providers":
                    _check_provider(plugin, name, value)
                elif hook == "register_erase_steps":
                    _check_erase_step(plugin, name, value)
                elif hook == "register_claims" and not callable(getattr(value, "claims", None)):
                    raise PluginFailed(plugin, hook, f"{name!r} has no method 'claims'")
                self._add(offers, _OFFERS[hook], name, plugin, value)
        return offers

    @staticmethod
    def _add(offers: dict[str, Offer], kind: str, name: str, plugin: str, value: object) -> None:
        if name in offers:
            raise PluginClash(kind, name, offers[name].plugin, plugin)
        offers[name] = Offer(name, plugin, value)

    # --- what was offered ----------------------------------------------------------------------

    def offer(self, hook: str, name: str) -> Offer:
        """Return what was registered under *name* by *hook*. Raises UnknownName, listing all, and
        InvalidInput: the name is no text."""
        found = self._offers[hook].get(check_text(name, _OFFERS[hook]))
        if found is None:
            raise UnknownName(_OFFERS[hook], name, sorted(self._offers[hook]))
        return found

    def offers(self, hook: str) -> Mapping[str, Offer]:
        """Return all that was registered by *hook*."""
        return self._offers[hook]

    def commands(self) -> Mapping[str, Offer]:
        """Return the commands for the command line: asked for here, and only here."""
        return self._collect("register_commands")

    def all_offers(self) -> Iterator[tuple[str, Offer]]:
        """Yield each thing that was offered, after what kind of thing it is."""
        for hook, offers in self._offers.items():
            for offer in offers.values():
                yield _OFFERS[hook], offer

    def info(self) -> list[PluginInfo]:
        """Return what is loaded, from where, and which hooks it fills."""
        hanging = self.calls.hanging()
        return [
            PluginInfo(
                name=name,
                source=self._sources[name],
                hooks=tuple(h for h in HOOKS if any(name == p for p, _, _ in self._chains[h])),
                offers=tuple(
                    f"{kind} {offer.name}"
                    for kind, offer in self.all_offers()
                    if offer.plugin == name
                ),
                failures=self._failures[name],
                hanging=hanging.get(name, 0),
            )
            for name, _ in self._manager.list_name_plugin()
        ]

    # --- calling -------------------------------------------------------------------------------

    def call(
        self,
        offer: Offer,
        what: str,
        call: Callable[[], Any],
        limit_seconds: float = DEFAULT_LIMIT_SECONDS,
    ) -> Any:
        """Return what a registered object's method answers: inline if it says so, else under the
        limit. Errors of ours pass; anything else becomes PluginFailed, naming the plugin."""
        value = self._call(offer, what, call, limit_seconds)
        expected = _ANSWERS.get(what)
        if expected is not None and not isinstance(value, expected):
            raise PluginFailed(
                offer.plugin, what, f"must answer a {expected.__name__}, not {type(value).__name__}"
            )
        return value

    def _call(self, offer: Offer, what: str, call: Callable[[], Any], limit_seconds: float) -> Any:
        try:
            if not offer.inline:
                return self.calls.run(offer.plugin, what, call, limit_seconds)
            value = call()
        except AdmitError:
            raise
        except Exception as problem:
            self._record_failure(offer.plugin, what, problem)
            raise PluginFailed(offer.plugin, what, _say(problem)) from problem
        if hasattr(value, "__await__"):
            if inspect.iscoroutine(value):
                value.close()
            raise PluginFailed(offer.plugin, what, "declares inline = True but is async")
        return value

    def call_here(self, offer: Offer, what: str, call: Callable[[], Any]) -> Any:
        """Like `call`, on this very thread: for what a plugin's call calls in its turn. Errors of
        ours and the operating system's pass."""
        try:
            value = call()
            return run_to_end(value) if inspect.isawaitable(value) else value
        except (AdmitError, OSError):
            raise
        except Exception as problem:
            self._record_failure(offer.plugin, what, problem)
            raise PluginFailed(offer.plugin, what, _say(problem)) from problem

    def veto(self, hook: str, **arguments: Any) -> None:
        """Ask every *before* hook.

        Raises:
            Vetoed: one said no.
            PluginFailed: one raised, or answered neither None nor text (fail closed).
        """
        for plugin, function, taken in self._chains[hook]:
            answer = self._timed(hook, plugin, function, taken(arguments))
            if answer is None:
                continue
            if not isinstance(answer, str):
                raise PluginFailed(
                    plugin, hook, f"must answer None or text, not {type(answer).__name__}"
                )
            raise Vetoed(plugin, answer or "This was refused.")

    def notify(self, hook: str, **arguments: Any) -> None:
        """Tell every *after* hook. A failure is logged and counted, never raised."""
        for plugin, function, taken in self._chains[hook]:
            try:
                self._timed(hook, plugin, function, taken(arguments))
            except PluginFailed:
                continue  # logged and counted where it was made

    def _record_failure(self, plugin: str, what: str, problem: BaseException) -> None:
        """Count a failure and log where it happened, but not the exception's own text: it may
        quote a token, a password or an address (security.md T3)."""
        self._failures[plugin] += 1
        frames = "".join(traceback.format_tb(problem.__traceback__))
        _log.error("plugin %s failed in %s: %s\n%s", plugin, what, _say(problem), frames)

    def _timed(
        self, hook: str, plugin: str, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments)
        except Exception as problem:
            self._record_failure(plugin, hook, problem)
            raise PluginFailed(plugin, hook, _say(problem)) from problem
        finally:
            took = time.perf_counter() - start
            if took > _SLOW_SECONDS:
                _log.warning("plugin %s took %.0f ms in %s", plugin, took * 1000, hook)


def _taking(names: tuple[str, ...]) -> Taken:
    """Return what picks the arguments called *names*, in this order."""
    if len(names) == 1:
        only = names[0]  # `itemgetter` would answer a bare value
        return lambda arguments: (arguments[only],)
    return itemgetter(*names) if names else lambda arguments: ()


def _check_section(plugin: str, name: str, section: Any) -> None:
    """Return if *section* is a class of settings. Raises PluginFailed."""
    try:
        fields(section)
    except Exception as problem:
        what = f"the section {name!r} is no class of settings: {problem}"
        raise PluginFailed(plugin, "register_settings", what) from problem


def _check_provider(plugin: str, name: str, provider: Any) -> None:
    """Return if *provider* is one. Raises PluginFailed, naming the method that it lacks."""
    wanted = ["identify", "check"]
    if any(hasattr(provider, method) for method in _REGISTERING):
        wanted += _REGISTERING  # who has one of them means to register users
    if any(hasattr(provider, method) for method in _REDIRECTING):
        wanted += _REDIRECTING
    lacks = [method for method in wanted if not callable(getattr(provider, method, None))]
    if lacks:
        what = f"the provider {name!r} has no method {lacks[0]!r}"
        raise PluginFailed(plugin, "register_providers", what)


def _check_erase_step(plugin: str, name: str, step: Any) -> None:
    """Return if *step* is one: it can be called, or has `erase`. Raises PluginFailed."""
    if not callable(getattr(step, "erase", step)):
        what = f"the step {name!r} can neither be called nor has it a method 'erase'"
        raise PluginFailed(plugin, "register_erase_steps", what)


def _say(problem: BaseException) -> str:
    """Name an exception without its text, which may hold what must not be printed."""
    if isinstance(problem, NotFound | ImportError):
        return f"{type(problem).__name__}: {problem}"
    return type(problem).__name__
