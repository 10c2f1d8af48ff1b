"""Changing a setting while the engine runs."""

from __future__ import annotations

from .._commits import commit
from .._core import Core
from .._events import Acting, Happening, make
from ..errors import TryLater
from ..stores import Change, KeyTaken, Label, Put, Record, Remove, VersionMoved

_FLOW_HOOKS = {
    "confirmation_flow": "register_confirmation_flows",
    "reset_flow": "register_reset_flows",
    "notice_flow": "register_reset_flows",
    "transport": "register_transports",
    "function.confirmation": "register_functions",
    "function.reset": "register_functions",
    "custom-function.function": "register_functions",
    "password_provider": "register_providers",
}
"""Settings that name something loaded: an unknown name is refused with the list of known ones."""


def set_setting(core: Core, by: Acting, name: str, value: object) -> None:
    """Keep *value* in the store; see `EngineSettings.set`."""
    kept = core.sources.check_for_store(name, value)
    if name in _FLOW_HOOKS and isinstance(kept, str):
        core.plugins.offer(_FLOW_HOOKS[name], kept)
    record = core.store.find(_key(name))
    put = Put(
        "setting",
        core.mint_id() if record is None else record.id,
        {"name": name, "value": kept},
        None if record is None else record.version,
        (_key(name),),
        (Label("setting", name),),
    )
    _commit(core, by, name, Change(put=(put,)), "setting-set")


def unset_setting(core: Core, by: Acting, name: str) -> None:
    """Take the store's value of a setting back; see `EngineSettings.unset`."""
    record: Record | None = core.store.find(_key(name))
    if record is None:
        core.sources.info_of(name)  # a misspelt name is told; a value that no plugin knows may go
        return
    remove = Remove("setting", record.id, record.version)
    _commit(core, by, name, Change(remove=(remove,)), "setting-unset")


def _commit(core: Core, by: Acting, name: str, change: Change, trigger: str) -> None:
    now = core.now()
    happening = Happening(trigger, codes={"setting": name})
    event = make(happening, id=core.ids.mint(now), at=now, by=by)
    try:
        commit(core, Change(put=change.put, remove=change.remove, events=(event,)))
    except (KeyTaken, VersionMoved):
        raise TryLater("somebody else is changing this setting") from None
    core.sources.reread()


def _key(name: str) -> str:
    return f"setting:{name}"
