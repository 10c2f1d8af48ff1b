"""Loading plugins: which are loaded, and what they say of themselves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points, version
from types import ModuleType

import pytest
from loaded_plugins import Flow, MakeModule, OpenWith

import admit
from admit.errors import PluginClash, UnknownName

PASSWORD = "correct horse battery staple"
FLOW_MODULE = """
    import admit

    class Slip:
        name = "slip"
        inline = True

        def begin(self, entry, services):
            return admit.Outcome.success()

    @admit.hookimpl
    def register_confirmation_flows():
        return [Slip()]
"""


# What a plugin may be


def test_a_plugin_may_be_an_object_or_the_name_of_a_module(
    open_with: OpenWith, make_module: MakeModule
) -> None:
    """
    Given a plugin that is an object, and one that is a module given by name,
    when an engine opens with them,
    then what both offer is there.
    """
    engine = open_with(make_module(FLOW_MODULE), Flow("other"))

    for name in ("slip", "other"):
        engine.settings.set("confirmation_flow", name)
    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state


def test_two_instances_of_one_class_are_two_plugins(open_with: OpenWith) -> None:
    """
    Given two instances of a class,
    when an engine opens with them,
    then each has a name of its own.
    """
    names = [
        plugin.name
        for plugin in open_with(Flow("a"), Flow("b"), discover=False, flow=None).plugins()
    ]

    assert ["Inbox", "Flow", "Flow 2"] == names


def test_the_same_plugin_twice_is_one(open_with: OpenWith) -> None:
    """
    Given an installed plugin that is named by its module as well, and an object handed over twice,
    when the engine opens,
    then each is loaded once.
    """
    flow = Flow()
    names = [plugin.name for plugin in open_with("admit.plugins.auto", flow, flow).plugins()]

    assert (1, 0, 1) == (
        names.count("auto"),
        names.count("admit.plugins.auto"),
        names.count("Flow"),
    )


def test_plugins_say_what_they_are(open_with: OpenWith, make_module: MakeModule) -> None:
    """
    Given installed plugins and one handed over,
    when the engine is asked for them,
    then each shows name, source, the hooks it fills, and what it offers.
    """
    module = make_module(FLOW_MODULE)

    plugins = {plugin.name: plugin for plugin in open_with(module).plugins()}

    email, slip = plugins["email"], plugins[module]
    assert (f"admit {version('admit')}", "open(plugins=…)") == (email.source, slip.source)
    assert (
        "register_settings",
        "register_confirmation_flows",
        "register_reset_flows",
    ) == email.hooks
    assert {"confirmation flow email", "reset flow email", "settings section email"} == set(
        email.offers
    )
    assert (("register_confirmation_flows",), ("confirmation flow slip",)) == (
        slip.hooks,
        slip.offers,
    )
    assert (0, 0) == (slip.failures, slip.hanging)


# What is discovered


def test_all_installed_plugins_are_loaded_by_default(open_with: OpenWith) -> None:
    """
    Given the entry points of the group `admit`,
    when an engine opens,
    then each is loaded under its name.
    """
    names = {plugin.name for plugin in open_with().plugins()}

    assert {entry.name for entry in entry_points(group="admit")} <= names


def test_only_the_named_ones_are_loaded(open_with: OpenWith) -> None:
    """
    Given `discover=["auto"]`,
    when an engine opens,
    then the other installed plugins are not even imported by it.
    """
    names = [plugin.name for plugin in open_with(discover=["auto"]).plugins()]

    assert ["auto", "Inbox"] == names


def test_none_is_loaded_when_told(open_with: OpenWith) -> None:
    """
    Given `discover=False`,
    when an engine opens,
    then it has only what was handed over.
    """
    assert ["Inbox"] == [p.name for p in open_with(discover=False, flow=None).plugins()]


def test_a_name_that_is_not_installed_is_said_with_those_that_are(open_with: OpenWith) -> None:
    """
    Given a name to discover that nobody installed,
    when the engine opens,
    then it says so, and lists the known ones.
    """
    with pytest.raises(UnknownName, match="no plugin named 'carrier-pigeon'") as raised:
        open_with(discover=["auto", "carrier-pigeon"])

    assert {"auto", "email", "function"} <= set(raised.value.known)


def test_two_engines_share_no_plugin_state(open_with: OpenWith) -> None:
    """
    Given two engines, one of them with a plugin more,
    when the other is asked,
    then it knows nothing of it.
    """
    open_with(Flow())

    with pytest.raises(UnknownName):
        open_with(flow=None).settings.set("confirmation_flow", "slip")


def test_a_module_is_imported_once(open_with: OpenWith, make_module: MakeModule) -> None:
    """
    Given a plugin module,
    when two engines open with it,
    then it is the same module, as everywhere in Python.
    """
    name = make_module(FLOW_MODULE)
    open_with(name)
    module = sys.modules[name]

    open_with(name)

    assert module is sys.modules[name]


def test_functions_are_handed_over_by_name(open_with: OpenWith) -> None:
    """
    Given functions handed over when the engine opens,
    when a setting names one, it is called,
    and when it names another, the known ones are listed.
    """
    functions: Mapping[str, Callable[..., object]] = {"greet": lambda call: {"status": "success"}}
    engine = open_with(functions=functions, flow="function")

    engine.settings.set("function.confirmation", "greet")

    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state
    with pytest.raises(UnknownName) as raised:
        engine.settings.set("function.confirmation", "os:system")
    assert ("greet",) == raised.value.known


def test_a_module_that_is_named_like_a_plugin_is_refused(open_with: OpenWith) -> None:
    """
    Given an application's module whose name a plugin has already,
    when the engine opens,
    then both are named: what they are counted and listed by would be one.
    """
    module = ModuleType("email")
    vars(module)["register_functions"] = admit.hookimpl(lambda: {})

    with pytest.raises(PluginClash, match="email") as clash:
        open_with(module)

    assert "admit" in str(clash.value)
