"""What went wrong while something was done: flows, plugins, servers, settings, keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from .root import AdmitError

if TYPE_CHECKING:
    from ..records import RunId, User


class FlowFailed(AdmitError):
    """The flow raised, hung, answered nonsense or could not deliver.

    The user is kept as it was – registered and pending – with the error on the run's attempt;
    `user` carries it.
    """

    code = "flow-failed"

    def __init__(self, flow: str, error_code: str, error: str, user: User, run: RunId) -> None:
        super().__init__(flow, error_code, error, user, run)
        self.flow, self.error_code, self.error, self.user, self.run = (
            flow,
            error_code,
            error,
            user,
            run,
        )
        self.sentence = f"The flow {flow!r} did not get through: {error}"
        self.next_step = "The user is kept. Mend the cause, then use rerun."


class DeliveryFailed(AdmitError):
    """What a transport (or a flow that delivers) raises when a message was not taken.

    `temporary` (a connection, a time-out, a 4xx answer): the run is queued and tried again.
    Otherwise (a refused recipient, a 5xx answer): the run has failed and the caller is told.
    """

    code = "delivery-failed"

    def __init__(self, sentence: str, *, temporary: bool) -> None:
        super().__init__(sentence)
        self.sentence, self.temporary = sentence, temporary
        self.next_step = "It is tried again." if temporary else "Correct the address or the server."

    def __reduce__(self) -> tuple[object, ...]:
        return (_delivery_failed, (self.sentence, self.temporary))


def _delivery_failed(sentence: str, temporary: bool) -> DeliveryFailed:
    return DeliveryFailed(sentence, temporary=temporary)


class PluginError(AdmitError):
    """A plugin is at fault; it is named."""

    code = "plugin-error"


class PluginFailed(PluginError):
    """A plugin raised, or answered something that its hook does not allow."""

    code = "plugin-failed"

    def __init__(self, plugin: str, hook: str, what: str) -> None:
        super().__init__(plugin, hook, what)
        self.plugin, self.hook, self.what = plugin, hook, what
        self.sentence = f"The plugin {plugin!r} failed in {hook}: {what}"
        self.next_step = "See the log for the traceback; mend or unload the plugin."


class PluginTimedOut(PluginError):
    """A plugin's call did not come back within its limit; it was abandoned."""

    code = "plugin-timed-out"

    def __init__(self, plugin: str, hook: str, limit_seconds: float) -> None:
        super().__init__(plugin, hook, limit_seconds)
        self.plugin, self.hook, self.limit_seconds = plugin, hook, limit_seconds
        self.sentence = (
            f"The plugin {plugin!r} did not answer {hook} within {limit_seconds:g} seconds."
        )
        self.next_step = "Raise its time limit, or find what it waits for."


class PluginOverloaded(PluginError):
    """So many calls of this plugin hang that no further one is started."""

    code = "plugin-overloaded"

    def __init__(self, plugin: str, hanging: int) -> None:
        super().__init__(plugin, hanging)
        self.plugin, self.hanging = plugin, hanging
        self.sentence = f"{hanging} calls of the plugin {plugin!r} hang; it is not called again."
        self.next_step = "Find what it waits for, then restart the application."


class PluginClash(PluginError):
    """Two plugins offer the same name, so neither is taken. The engine did not open."""

    code = "plugin-clash"

    def __init__(self, kind: str, name: str, first: str, second: str) -> None:
        super().__init__(kind, name, first, second)
        self.kind, self.name, self.first, self.second = kind, name, first, second
        self.sentence = f"Two plugins, {first!r} and {second!r}, offer the {kind} {name!r}."
        self.next_step = "Unload one of them, or rename what it offers."


class UnknownHook(PluginError):
    """A plugin fills a hook that does not exist. The engine did not open."""

    code = "unknown-hook"

    def __init__(self, plugin: str, hook: str, known: Sequence[str], meant: str | None) -> None:
        super().__init__(plugin, hook, tuple(known), meant)
        self.plugin, self.hook, self.known, self.meant = plugin, hook, tuple(known), meant
        self.sentence = f"The plugin {plugin!r} fills the hook {hook!r}, which does not exist."
        self.next_step = (
            f"Did you mean {meant!r}?" if meant else f"Hooks are: {', '.join(self.known)}."
        )


class TryLater(AdmitError):
    """Contention, a cool-down or a full queue. Nothing was changed; the same call may succeed."""

    code = "try-later"
    exit_code = 5

    def __init__(self, because: str, after: timedelta | None = None) -> None:
        super().__init__(because, after)
        self.because, self.after = because, after
        self.sentence = f"Not now: {because}."
        self.next_step = (
            "Try again in a moment."
            if after is None
            else f"Try again in {max(1, round(after.total_seconds()))} seconds."
        )


class CodeResting(TryLater):
    """Too many wrong codes (security.md T2): the code way rests, the link still works."""

    code = "code-resting"

    def __init__(self) -> None:
        super().__init__("too many wrong codes were typed")
        self.args = ()
        self.next_step = "Use the link in the message, or try the code tomorrow."


class ProviderFailed(AdmitError):
    """An identity provider's server could not be reached, or its answer cannot be used. Nothing was
    changed; `because` says what was wrong with it."""

    code = "provider-failed"
    exit_code = 5

    def __init__(self, provider: str, because: str) -> None:
        super().__init__(provider, because)
        self.provider, self.because = provider, because
        self.sentence = f"The server behind {provider!r} gave no usable answer: {because}."
        self.next_step = "Try again later; if it stays so, check the settings of this provider."


class NotConfigured(AdmitError):
    """Settings that this needs are missing. Nothing was written."""

    code = "not-configured"

    def __init__(self, what: str, settings: Sequence[str]) -> None:
        super().__init__(what, tuple(settings))
        self.what, self.settings = what, tuple(settings)
        self.sentence = f"{what} is not configured."
        self.next_step = f"Set {' and '.join(self.settings)}, or open with dev=True."


class MissingExtra(AdmitError):
    """This needs a package that comes with an extra of admit. Nothing was changed."""

    code = "missing-extra"

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(what, package, extra)
        self.what, self.package, self.extra = what, package, extra
        self.sentence = f"{what} needs the package {package}, which is not installed."
        self.next_step = f"Install it: pip install 'admit[{extra}]'"


class WrongKey(AdmitError):
    """The store was made with another engine key, or no key was given. Nothing was read."""

    code = "wrong-key"

    def __init__(self, source: str, expected: str | None, found: str | None) -> None:
        super().__init__(source, expected, found)
        self.source, self.expected, self.found = source, expected, found
        if found is None:
            self.sentence = f"No engine key was found in {source}."
        else:
            self.sentence = (
                f"The key from {source} has the id {found}; this store was made with {expected}."
            )
        self.next_step = "Pass key=…, set ADMIT_KEY, or put the key file back beside the store."
