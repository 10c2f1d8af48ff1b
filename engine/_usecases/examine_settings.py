"""Settings that make an application weaker than it is by default."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from .._core import Core
from ..settings import to_text

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LEAST_KIBIBYTES: Final = 19 * 1024
"""The least memory that OWASP's password storage cheat sheet names for argon2id."""


class Weak(NamedTuple):
    """A setting whose value is weak, why, and what would be better."""

    name: str
    why: str
    better: str

    def words(self) -> dict[str, Any]:
        """Return it as the sentence and the remedy of an advice."""
        return {"sentence": f"{self.name}: {self.why}", "remedy": self.better}


def weak_settings(core: Core) -> Iterator[Weak]:
    """Yield each setting of the engine or of a plugin that is weak."""
    yield from _of_engine(core)
    yield from _of_plugins(core)


def _of_engine(core: Core) -> Iterator[Weak]:
    own = core.settings
    default = "Leave it at its default: admit settings unset "
    kibibytes = own.password_memory_kibibytes
    if kibibytes is not None and kibibytes < _LEAST_KIBIBYTES:
        why = f"hashing takes {kibibytes:,} KiB: stolen hashes are soon guessed."
        yield Weak("password_memory_kibibytes", why, "Leave it unset in the code.")
    if own.password_min_length < 8:
        why = f"passwords of {own.password_min_length} characters are soon guessed."
        yield Weak("password_min_length", why, f"{default}password_min_length")
    if not own.must_change_is_enforced:
        why = "a password that an admin chose opens the account for good."
        yield Weak("must_change_is_enforced", why, f"{default}must_change_is_enforced")
    if own.fresh_log_in_within is None:
        why = "a stolen session may change how its user logs in."
        yield Weak("fresh_log_in_within", why, f"{default}fresh_log_in_within")
    if not own.sessions_end_at_once:
        lifetime = to_text(own.access_token_lifetime)
        why = f"who is logged out, disabled or deleted goes on for up to {lifetime}."
        yield Weak("sessions_end_at_once", why, "Leave it on, or keep access tokens short.")
    if own.cool_down < timedelta(seconds=10):
        why = "a stranger can have one mailbox flooded."
        yield Weak("cool_down", why, f"{default}cool_down")
    if own.wrong_passwords_an_account > 200:
        why = f"{own.wrong_passwords_an_account} passwords of one account may be tried at a time."
        yield Weak("wrong_passwords_an_account", why, f"{default}wrong_passwords_an_account")


def _of_plugins(core: Core) -> Iterator[Weak]:
    """Look at settings of plugins that come with admit, by name: none of them need be loaded."""
    values = {info.name: info.value for info in core.sources.info()}
    uses = {core.settings.confirmation_flow, core.settings.reset_flow}
    for name in ("email.link_base", "email.reset_link_base"):
        base = values.get(name)
        if not isinstance(base, str) or "email" not in uses:
            continue
        page = urlsplit(base)
        if page.hostname in _LOOPBACK:
            yield Weak(name, "links lead to the reader's own machine.", "Name the public page.")
        elif page.scheme == "http":
            yield Weak(name, "tokens travel in the clear.", "Use https.")
    if core.settings.transport == "smtp":
        host = values.get("smtp.host")
        if values.get("smtp.tls") == "off" and host not in _LOOPBACK:
            yield Weak(
                "smtp.tls", "mails, and the tokens in them, travel in the clear.", "starttls"
            )
    workers = values.get("server.workers")
    if isinstance(workers, int) and workers > 1 and _is_tinydb(core):
        why = f"each of {workers} processes keeps all of the store in memory."
        yield Weak("server.workers", why, "Use SQLite or PostgreSQL, or one worker.")


def _is_tinydb(core: Core) -> bool:
    return core.store.path is not None and type(core.store).__module__.startswith(
        "admit.storage.tiny"
    )
