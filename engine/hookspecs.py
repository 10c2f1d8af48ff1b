"""All that a plugin can do. Read it from top to bottom: it is the plugin author's manual.

A plugin is any object – most often a module or an instance of a class – with functions marked
`@admit.hookimpl` and named as below. Take only the arguments you need, by these names. Hand it to
`admit.open(plugins=[…])`, or name it in an entry point of the group `admit`; one that comes twice
is loaded once. What is wrong with it – a misspelt hook, one without its mark, none at all, a class
instead of an instance – is said when the engine opens.

Hooks are plain functions, never `async def`; what they register may be. The plugin loaded last is
asked first: those of `plugins=[…]`, from its end, then the installed ones.

The first word of a hook tells its kind:

- `register_…` hooks return named objects, once, when an engine opens. The objects do the I/O: they
  are called in threads of ours under a time limit, unless they declare `inline = True`.
- `before_…` hooks may veto. They run on the caller's thread, one plugin after the other, before
  anything is written and while no lock is held: be quick. Return None to let it pass or a sentence
  that the caller reads. Raising refuses too.
- `after_…` hooks run after the commit, at most once, for convenience. They cannot change what
  happened; a failure is logged and counted. What must not be missed belongs to
  `engine.events.follow()`.
"""

# pyright: reportReturnType=false
# A hook specification has a docstring for a body.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import pluggy

if TYPE_CHECKING:
    import click

    from .claims import TokenClaims
    from .flows import ConfirmationFlow, ResetFlow
    from .hashes import HashFormat
    from .leaving import EraseStep
    from .merging import MergePlan
    from .providers import Admission, Provider
    from .records import Client, LogIn, Run, User
    from .transports import Transport

hookspec: Final = pluggy.HookspecMarker("admit")
hookimpl: Final = pluggy.HookimplMarker("admit")
"""Marks a function of a plugin as filling the hook of that name."""


@attrs.frozen(kw_only=True)
class Registration:
    """What a `before_register` hook sees. No password: see `before_password`."""

    provider: str
    login: str
    address: str | None
    data: Mapping[str, object]
    client: Client | None


@hookspec
def register_settings() -> Mapping[str, type]:
    """Offer settings of your own.

    Kind: registering. Called: once, when an engine opens, before the other registering hooks.
    Answer: section name → a frozen attrs class whose fields are made with `admit.setting(…)`; the
    setting `subject` of the section `email` is called `email.subject` everywhere. Read them with
    `services.settings(YourClass)`.
    Raises, or a section is taken: the engine does not open.
    """


@hookspec
def register_functions() -> Mapping[str, Callable[..., Any]]:
    """Offer callables by name, for the settings `function.confirmation` and `function.reset`.

    Kind: registering. Called: once, when an engine opens.
    Answer: name → callable. Settings name them; nothing that can be set at run time names code.
    Raises, or a name is taken: the engine does not open.
    """


@hookspec
def register_confirmation_flows() -> Iterable[ConfirmationFlow]:
    """Offer confirmation flows: how a pending user becomes confirmed.

    Kind: registering. Called: once, when an engine opens; no user and no store at hand.
    Answer: flows with distinct names. The setting `confirmation_flow` names the active one.
    Raises, or a name is taken: the engine does not open.
    """


@hookspec
def register_reset_flows() -> Iterable[ResetFlow]:
    """Offer reset flows: how a forgotten password is replaced.

    Kind: registering. Called: once, when an engine opens.
    Answer: flows with distinct names. The setting `reset_flow` names the active one.
    Raises, or a name is taken: the engine does not open.
    """


@hookspec
def register_providers() -> Iterable[Provider]:
    """Offer authentication providers: who may log in.

    Kind: registering. Called: once, when an engine opens.
    Answer: providers with distinct names; callers name them in `log_in(name, …)`.
    Raises, or a name is taken: the engine does not open.
    """


@hookspec
def register_hash_formats() -> Iterable[HashFormat]:
    """Offer formats of password hashes that users bring along from another system.

    Kind: registering. Called: once, when an engine opens.
    Answer: formats with distinct names; the first one that a hash fits verifies it.
    Raises, or a name is taken: the engine does not open.
    """


@hookspec
def register_claims() -> Iterable[TokenClaims]:
    """Offer claims for access tokens, beside the engine's own.

    Kind: registering. Called: once, when an engine opens; each object is asked when an access token
    is about to be made, at a log-in and at a refresh.
    Answer: objects with distinct names (`admit.claims.TokenClaims`).
    Raises, or a name is taken: the engine does not open.
    """


@hookspec
def register_transports() -> Iterable[Transport]:
    """Offer message transports: what carries a mail.

    Kind: registering. Called: once, when an engine opens.
    Answer: transports with distinct names. The setting `transport` names the active one.
    Raises, or a name is taken: the engine does not open.
    """


@hookspec
def register_erase_steps() -> Mapping[str, Callable[[User], None] | EraseStep]:
    """Offer steps that erase a deleted user's data elsewhere.

    Kind: registering. Called: once, when an engine opens; a step is called by the worker after
    the deletion, with the user as it was, under a time limit.
    Answer: name → step: a callable that takes the user, or an `admit.leaving.EraseStep`, which is
    told more. It must be safe to repeat: one that raises is tried again, at growing distances,
    until the setting `erase_steps_within` has passed.
    Raises, or a name is taken: the engine does not open.
    """


@hookspec
def register_commands() -> Iterable[click.Command]:
    """Offer commands for the `admit` command line.

    Kind: registering. Called: once, when the command line starts.
    Answer: click commands with distinct names. Under `@click.pass_obj` a command gets an object
    whose `open(read_only=…)` opens the engine that `--store`, `--config` and `--dev` name.
    Raises: named in a warning, the rest works.
    """


@hookspec
def before_register(request: Registration) -> str | None:
    """Refuse a registration, or the correction of its address.

    Kind: veto. Called: after validation, before hashing and the first commit; no lock is held.
    Also when a pending user's address is about to be corrected, with the new one.
    Answer: None to let it pass, or the sentence that the caller reads, so no secret in it.
    Raises: refused as well (fail closed), with PluginFailed naming the plugin. Slow: named, not
    cut.
    """


@hookspec
def before_admission(admission: Admission) -> str | None:
    """Refuse somebody at any way in: a registration, a log-in, the link of a further identity.

    Kind: veto. Called: after the credentials were accepted, the provider's own settings let them
    pass and – for a log-in – the user's state allows it; also when a pending user's address is
    about to be corrected. Before the first commit, no lock is held. Possibly more than once.
    Answer: None to let pass, or the sentence that the caller reads, so no secret in it.
    Raises: refused as well (fail closed). Slow: named, not cut.
    """


@hookspec
def before_password(password: str, address: str | None) -> str | None:
    """Refuse a new password: a block list, a breach check on local data.

    Kind: veto. Called: whenever a password is about to be set, after the length was checked.
    Answer: None, or the rule it breaks ("is one of the commonest passwords.").
    Raises: refused as well. Slow: named, not cut.
    """


@hookspec
def before_confirm(user: User, run: Run | None) -> str | None:
    """Refuse a confirmation.

    Kind: veto. Called: when a token, a code, a flow's success or an admin is about to confirm;
    *run* is None for an admin's. Possibly more than once for one confirmation.
    Answer: None, or the sentence that the caller reads. Raises: refused as well.
    """


@hookspec
def before_log_in(user: User, provider: str, client: Client | None) -> str | None:
    """Refuse a log-in whose credentials are right.

    Kind: veto. Called: after the credentials were accepted and the user's state allows it; so, too,
    when she proves again who she is.
    Answer: None, or the sentence that the caller reads. Raises: refused as well.
    """


@hookspec
def before_merge(plan: MergePlan) -> str | None:
    """Refuse a merge of two users. *plan* has both, and what would become of them.

    Kind: veto. Called: before the commit, with the plan as the application adjusted it.
    Answer: None, or the sentence that the caller reads. Raises: refused as well.
    """


@hookspec
def before_delete(user: User) -> str | None:
    """Refuse a deletion, by the user or an admin. (Expiry and rejection do not ask.)

    Kind: veto. Called: before the commit. Answer: None, or the sentence that the caller reads.
    Raises: refused as well.
    """


@hookspec
def after_register(user: User) -> None:
    """A user has registered, and the flow has been entered once.

    Kind: notification. Called: after the commit, also when the flow failed and kept the user.
    Answer: ignored. Raises: logged and counted.
    """


@hookspec
def after_rerun(user: User, run: Run) -> None:
    """A run was begun for a pending user, by rerun or resend, and entered once.

    Kind: notification. Called: after the commit. Answer: ignored. Raises: logged and counted.
    """


@hookspec
def after_confirm(user: User) -> None:
    """A user became confirmed.

    Kind: notification. Called: after the commit, once a user. Answer: ignored. Raises: logged and
    counted.
    """


@hookspec
def after_log_in(log_in: LogIn) -> None:
    """A user has logged in. The tokens in *log_in* are masked secrets.

    Kind: notification. Called: after the commit. Answer: ignored. Raises: logged and counted.
    """


@hookspec
def after_delete(user: User) -> None:
    """A user was deleted: *user* is as it was before.

    Kind: notification. Called: after the commit, whoever deleted: the user, an admin, the flow's
    `fail`, expiry. Answer: ignored. Raises: logged and counted.
    """
