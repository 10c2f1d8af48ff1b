"""Plugins that are refused: whatever is wrong with one is said, by name."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest
from loaded_plugins import Flow, MakeModule, OpenWith

import admit
from admit.errors import PluginClash, PluginFailed, UnknownHook
from admit.flows import ConfirmationFlow


class OtherFlow(Flow):
    """The same again, from somebody else."""


def offering(hook: str, answer: object) -> SimpleNamespace:
    """Return a plugin whose registering hook answers this, or raises it."""

    def register() -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    register.__name__ = hook
    return SimpleNamespace(**{hook: admit.hookimpl(register)})


# What is refused


def test_a_misspelt_hook_is_refused_with_what_was_meant(open_with: OpenWith) -> None:
    """
    Given a plugin with a misspelt hook,
    when the engine opens,
    then it is refused, and told which one was probably meant.
    """

    class Misspelt:
        @admit.hookimpl
        def before_registr(self) -> None: ...

    with pytest.raises(UnknownHook) as raised:
        open_with(Misspelt())

    assert ("Misspelt", "before_registr", "before_register") == (
        raised.value.plugin,
        raised.value.hook,
        raised.value.meant,
    )
    assert "Did you mean 'before_register'?" == raised.value.next_step


def test_a_hook_like_no_other_is_refused_with_all_there_are(open_with: OpenWith) -> None:
    """
    Given a plugin that fills a hook with a name like no other,
    when the engine opens,
    then it is refused, and the hooks are listed.
    """

    class Odd:
        @admit.hookimpl
        def xyzzy(self) -> None: ...

    with pytest.raises(UnknownHook, match="Hooks are: .*before_register.*after_delete"):
        open_with(Odd())


def test_a_hook_that_lacks_its_mark_is_refused(open_with: OpenWith) -> None:
    """
    Given a plugin that means to refuse registrations, and forgot `@admit.hookimpl`,
    when the engine opens,
    then it is refused: what is not asked would let everybody in.
    """

    class Unmarked:
        @admit.hookimpl
        def after_register(self, user: admit.User) -> None: ...

        def before_register(self, request: admit.Registration) -> str:
            return "nobody may"

    with pytest.raises(PluginFailed, match=r"not marked with @admit\.hookimpl") as raised:
        open_with(Unmarked())

    assert ("Unmarked", "before_register") == (raised.value.plugin, raised.value.hook)


@pytest.mark.parametrize("plugin", [object(), ModuleType("empty"), SimpleNamespace(name="slip")])
def test_a_plugin_that_fills_no_hook_is_refused(open_with: OpenWith, plugin: object) -> None:
    """
    Given an object without hooks – a flow handed over instead of its plugin, say –,
    when the engine opens,
    then it is refused, and told about the mark.
    """
    with pytest.raises(PluginFailed, match="fills no hook: mark its functions"):
        open_with(plugin)


def test_a_class_is_refused(open_with: OpenWith) -> None:
    """
    Given a class handed over instead of an instance,
    when the engine opens,
    then it is refused, and told so.
    """
    with pytest.raises(PluginFailed, match="'Flow'.*this is a class; hand over an instance of it"):
        open_with(Flow)


@pytest.mark.parametrize("name", ["no_such_module_anywhere", "admit.no_such_module"])
def test_a_module_that_does_not_exist_is_named(open_with: OpenWith, name: str) -> None:
    """
    Given the name of a module that does not exist,
    when the engine opens,
    then that name is said.
    """
    with pytest.raises(PluginFailed, match=f"The plugin '{name}' failed in import: ModuleNotFound"):
        open_with(name)


def test_a_module_that_raises_is_named(open_with: OpenWith, make_module: MakeModule) -> None:
    """
    Given a module that raises when it is imported,
    when the engine opens,
    then it is named, and what it raised is the cause.
    """
    name = make_module("raise RuntimeError('no licence')")

    with pytest.raises(PluginFailed, match=f"'{name}' failed in import: RuntimeError") as raised:
        open_with(name)

    assert "no licence" == str(raised.value.__cause__)


def test_a_name_clash_names_both_plugins(open_with: OpenWith) -> None:
    """
    Given two plugins that offer a flow of the same name,
    when the engine opens,
    then neither is taken, and both are named.
    """
    with pytest.raises(PluginClash) as raised:
        open_with(Flow(), OtherFlow())

    assert ("confirmation flow", "slip") == (raised.value.kind, raised.value.name)
    assert {"Flow", "OtherFlow"} == {raised.value.first, raised.value.second}


def test_a_built_in_name_cannot_be_taken(open_with: OpenWith) -> None:
    """
    Given a plugin that offers a flow named `email`,
    when the engine opens,
    then it clashes with the built-in one: nothing is replaced silently.
    """
    with pytest.raises(PluginClash, match="'email'") as raised:
        open_with(Flow("email"))

    assert {"Flow", "email"} == {raised.value.first, raised.value.second}


def test_a_function_of_the_application_clashes_with_a_plugins(open_with: OpenWith) -> None:
    """
    Given a plugin and the application offer a function of the same name,
    when the engine opens,
    then both are named.
    """
    with pytest.raises(PluginClash, match="the function 'greet'") as raised:
        open_with(offering("register_functions", {"greet": print}), functions={"greet": repr})

    assert "open()" == raised.value.second


@pytest.mark.parametrize(
    ("hook", "answer", "what"),
    [
        ("register_confirmation_flows", 7, "must answer an iterable"),
        ("register_confirmation_flows", [object()], "object has no attribute `name`, a text"),
        ("register_providers", [SimpleNamespace(name=7)], "has no attribute `name`, a text"),
        ("register_functions", {7: print}, "has no attribute `name`, a text"),
        ("register_transports", [SimpleNamespace(name="")], "has no attribute `name`, a text"),
        ("register_settings", {"desk": 7}, "'desk' is no class of settings"),
        ("register_settings", {"desk": dict}, "'desk' is no class of settings"),
        ("register_settings", KeyError("x"), "KeyError"),
        ("register_reset_flows", ConnectionError("a secret"), "ConnectionError"),
    ],
)
def test_a_registering_hook_that_fails_or_answers_nonsense_is_named(
    open_with: OpenWith, hook: str, answer: object, what: str
) -> None:
    """
    Given a registering hook that raises, or answers what it must not,
    when the engine opens,
    then plugin, hook and fault are named – and not the text of what was raised.
    """
    with pytest.raises(PluginFailed, match=what) as raised:
        open_with(offering(hook, answer))

    assert hook == raised.value.hook
    assert "a secret" not in str(raised.value)


def test_a_registering_hook_may_yield_and_still_is_named_when_it_raises(
    open_with: OpenWith,
) -> None:
    """
    Given a hook that yields its flows, and one that raises between two,
    when engines open with them,
    then the first works, and the second is named.
    """

    class Yielding:
        def __init__(self, fault: Exception | None = None) -> None:
            self.fault = fault

        @admit.hookimpl
        def register_confirmation_flows(self) -> Iterator[ConfirmationFlow]:
            yield Flow()
            if self.fault is not None:
                raise self.fault

    assert "confirmed" == open_with(Yielding(), flow="slip").register("ada@example.com").state
    with pytest.raises(PluginFailed, match="failed in register_confirmation_flows: TypeError"):
        open_with(Yielding(TypeError("oops")))


def test_a_hook_that_offers_nothing_is_let_pass(open_with: OpenWith) -> None:
    """
    Given a hook that answers None, and one with an empty list,
    when the engine opens,
    then that is all right.
    """
    open_with(offering("register_providers", None), offering("register_transports", []))


def test_an_argument_that_does_not_exist_is_refused(open_with: OpenWith) -> None:
    """
    Given a hook with an argument that is not the hook's,
    when the engine opens,
    then plugin and argument are named.
    """

    class Curious:
        @admit.hookimpl
        def before_delete(self, user: admit.User, why: str) -> None: ...

    with pytest.raises(PluginFailed, match="(?s)'Curious'.*'why'") as raised:
        open_with(Curious())

    assert "loading" == raised.value.hook


def test_an_async_hook_is_refused(open_with: OpenWith) -> None:
    """
    Given an event hook that is `async`, which nobody would wait for,
    when the engine opens,
    then it is refused, and told what may be async.
    """

    class Async:
        @admit.hookimpl
        async def before_register(self, request: admit.Registration) -> str:
            return "nobody may"

    with pytest.raises(PluginFailed, match="hooks are plain functions"):
        open_with(Async())


def test_a_wrapper_is_refused(open_with: OpenWith) -> None:
    """
    Given a plugin that wraps the others',
    when the engine opens,
    then it is refused: each is called on its own, so that each failure has a name.
    """

    class Wrapping:
        @admit.hookimpl(wrapper=True)
        def before_delete(self, user: admit.User) -> Iterator[None]:
            yield

    with pytest.raises(PluginFailed, match="wrappers are not supported"):
        open_with(Wrapping())
