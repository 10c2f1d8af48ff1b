"""The story that `admit demo` tells: how people get stuck, and how they get through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Literal

import attrs

import admit
from admit.errors import AdmitError, FlowFailed
from admit.flows import Outcome
from admit.records import Event, User
from admit.testing import SettableClock

from .demo_mail import HOST, DemoMailServer, code_in, link_in, text_of

PASSWORD: Final = "correct horse battery staple"  # noqa: S105  # nobody's
LASTS: Final = timedelta(hours=1, minutes=20)
"""By the story's own clock; it begins so long ago that it ends about now."""

_PLUGINS: Final = ("email", "folder", "function", "password", "smtp")
"""A stranger's plugin might veto what the story is about."""

Tone = Literal["good", "bad", "plain", "next"]


@attrs.frozen
class Chapter:
    """A new part of the story."""

    title: str


@attrs.frozen
class Deed:
    """Somebody does something, if it has to be said; and how that is written."""

    at: datetime
    says: str
    call: str


@attrs.frozen
class Answer:
    """What came of it."""

    says: str
    tone: Tone = "plain"


@attrs.frozen
class Mail:
    """A mail that arrived: what a person looks at."""

    to: str
    subject: str
    lines: tuple[str, ...]


@attrs.frozen
class Facts:
    """Names and values."""

    values: dict[str, str]


@attrs.frozen
class Events:
    """A timeline: when, what, from → to, by whom, and the rest."""

    rows: tuple[tuple[str, ...], ...]


Beat = Chapter | Deed | Answer | Mail | Facts | Events


class CustomerDatabase:
    """Somebody else's service, which the application's own flow asks."""

    def __init__(self) -> None:
        self.is_up = False

    def ask(self, call: dict[str, object]) -> Outcome:
        """Confirm whom it knows. That proves nothing of the address."""
        if not self.is_up:
            raise ConnectionError("no answer")
        return Outcome.success()


class Story:
    """One telling: an engine on a TinyDB file, a mail server, and a clock of its own."""

    def __init__(self, path: Path, server: DemoMailServer, clock: SettableClock) -> None:
        self._server = server
        self._clock = clock
        self._customers = CustomerDatabase()
        self._engine = admit.open(
            path,
            config=_configuration(path.parent),
            discover=_PLUGINS,
            clock=clock,
            worker=False,
            functions={"ask_customers": self._customers.ask},
            settings={
                "transport": "smtp",
                "smtp.host": HOST,
                "smtp.port": server.port,
                "smtp.tls": "off",
                "function.confirmation": "ask_customers",
            },
        )
        self._admin = self._engine.acting(admit.Actor("admin", "demo"), "the demo")

    def tell(self) -> Iterator[Beat]:
        """Yield the story beat by beat, as it happens."""
        with self._engine:
            yield from self._mail_that_bounced()
            yield from self._link_that_expired()
            yield from self._flow_that_was_switched()
            yield from self._in()
            yield from self._mistyped_address()
            yield from self._what_is_left()

    def _mail_that_bounced(self) -> Iterator[Beat]:
        yield Chapter("The mail that bounced")
        self._server.refusal = "554 5.3.0 the queue is on fire"
        yield self._deed("Ada registers.", 'engine.register("ada@example.com", password)')
        yield from self._try(lambda: self._engine.register("ada@example.com", PASSWORD))
        yield self._deed("She waits for a mail. Why does none come?", "engine.why(ada)")
        yield from self._why("ada@example.com")
        self._server.refusal = None
        self._clock.advance(timedelta(minutes=4))
        yield self._deed("The mail server is mended. One call helps her.", "engine.rerun(ada)")
        yield from self._try(lambda: self._engine.rerun(address="ada@example.com"))
        yield _mail(self._server.mails[-1])

    def _link_that_expired(self) -> Iterator[Beat]:
        yield Chapter("The link that expired")
        self._clock.advance(timedelta(minutes=38))
        yield self._deed(
            "Back from lunch, she presses the link.", "engine.confirm(token_id=…, token=…)"
        )
        _, late = link_in(self._server.mails[-1])
        yield from self._try(lambda: self._engine.confirm(**late))
        yield self._deed("", "engine.why(ada)")
        yield from self._why("ada@example.com")

    def _flow_that_was_switched(self) -> Iterator[Beat]:
        yield Chapter("The flow that was switched meanwhile")
        self._clock.advance(timedelta(minutes=3))
        yield self._deed(
            "An admin makes a function of the application the active flow.",
            'engine.settings.set("confirmation_flow", "function")',
        )
        self._admin.settings.set("confirmation_flow", "function")
        yield Answer("From now on the customer database is asked, without a restart.", "good")
        yield self._deed(
            "A re-run enters the flow that is active now – and it is down.", "engine.rerun(ada)"
        )
        yield from self._try(lambda: self._admin.rerun(address="ada@example.com"))
        self._clock.advance(timedelta(minutes=6))
        self._customers.is_up = True
        yield self._deed("It is up again.", "engine.rerun(ada)")
        yield from self._try(lambda: self._admin.rerun(address="ada@example.com"))

    def _in(self) -> Iterator[Beat]:
        yield Chapter("In at last")
        self._clock.advance(timedelta(minutes=2))
        yield self._deed("Ada logs in.", 'engine.log_in("local-userpass", username=…, password=…)')
        login = self._engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        access = self._engine.verify(login.access_token)
        yield Answer("A session, an access token, a refresh token.", "good")
        user = self._engine.users.get(access.user_id)
        yield Facts(_profile(user))

    def _mistyped_address(self) -> Iterator[Beat]:
        yield Chapter("The address that was mistyped")
        self._clock.advance(timedelta(minutes=9))
        self._admin.settings.set("confirmation_flow", "email")
        yield self._deed(
            "Back to the flow email. Grace registers, with two letters swapped.",
            'engine.register("grace@exmaple.com", password)',
        )
        yield from self._try(lambda: self._engine.register("grace@exmaple.com", PASSWORD))
        self._clock.advance(timedelta(minutes=1))
        yield self._deed(
            "She sees it and corrects it; her password shows that it is hers.",
            'engine.correct_address(grace, to="grace@example.com", password=…)',
        )
        yield from self._try(
            lambda: self._engine.correct_address(
                address="grace@exmaple.com", to="grace@example.com", password=PASSWORD
            )
        )
        mail = self._server.mails[-1]
        yield _mail(mail)
        self._clock.advance(timedelta(minutes=2))
        yield self._deed(
            "She types the code.", 'engine.confirm(address="grace@example.com", code=…)'
        )
        yield from self._try(
            lambda: self._engine.confirm(address="grace@example.com", code=code_in(mail))
        )

    def _what_is_left(self) -> Iterator[Beat]:
        yield Chapter("What is left: the trail of events")
        yield self._deed("What happened to Ada?", "engine.users.timeline(ada)")
        ada = self._engine.users.find("ada@example.com")
        yield Events(
            tuple(
                (
                    f"{event.at:%H:%M}",
                    event.trigger,
                    "" if event.to_state is None else f"{event.from_state} → {event.to_state}",
                    event.actor.kind,
                    _how(event),
                )
                for event in self._engine.users.timeline(ada)
            )
        )
        yield self._deed(
            "The worker seals it; whoever edits it now is found out.", "engine.events.verify()"
        )
        self._engine.work_once()
        audit = self._engine.events.verify()
        yield Answer(
            f"{audit.sealed} events sealed, {audit.unsealed} unsealed,"
            f" {len(audit.problems)} problems.",
            "bad" if audit.problems else "good",
        )

    def _deed(self, says: str, call: str) -> Deed:
        return Deed(self._clock.now(), says, call)

    def _why(self, address: str) -> Iterator[Beat]:
        explained = self._engine.why(address=address)
        yield Answer(explained.sentence)
        yield Answer(f"What to do: {explained.suggestion}.", "next")

    def _try(self, act: Callable[[], User]) -> Iterator[Beat]:
        try:
            user = act()
        except FlowFailed as error:
            yield Answer(error.sentence, "bad")
            yield Answer(f"She is kept as she is: {error.user.state}.")
        except AdmitError as error:
            yield Answer(f"{error.sentence} {error.next_step}", "bad")
        else:
            yield _state(user)


def _configuration(folder: Path) -> Path:
    """Write the file that every later command on the store finds beside it. It also keeps the
    story apart from what is configured for other stores."""
    path = folder / "admit.toml"
    mails = json.dumps(str(folder.resolve() / "mail"))
    path.write_text(
        f'transport = "folder"\n\n[folder]\npath = {mails}\n\n[email]\n'
        'sender = "Example <hello@example.com>"\napplication = "Example"\n'
        'link_base = "https://example.com/confirm"\n',
        "utf-8",
    )
    return path


def _state(user: User) -> Answer:
    if user.state == "pending":
        return Answer("She is pending, and a message is on its way.", "good")
    proved = user.address is not None and user.address.proved_at is not None
    proof = "and her address is proved" if proved else "though no mail proved her address"
    return Answer(f"She is {user.state}, {proof}.", "good")


def _mail(mail: EmailMessage) -> Mail:
    """Cut a mail to what matters; the token of its link is cut, too."""
    link, _ = link_in(mail)
    page, _, query = link.partition("token=")
    code = code_in(mail)
    lines = [f"{page}token={query[:10]}…", f"or type this code:  {code}"]
    assert link in text_of(mail)
    return Mail(str(mail["To"]), str(mail["Subject"]), tuple(lines))


def _profile(user: User) -> dict[str, str]:
    address = user.address
    assert address is not None, "she registered with one"
    return {
        "id": user.id,
        "address": address.typed,
        "state": user.state,
        "proved": "no: the customer database confirmed her, no mail did"
        if address.proved_at is None
        else "yes",
        "logs in by": ", ".join(identity.provider for identity in user.identities),
    }


def _how(event: Event) -> str:
    shown = ["flow" if "flow" in event.codes else "provider", "error"]
    return ", ".join(event.codes[name] for name in shown if name in event.codes)
