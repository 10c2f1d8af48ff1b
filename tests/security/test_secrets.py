"""T3 and A2: where secrets are found after everything has happened – nowhere."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import attrs
import pytest

import admit
import admit.testing
from admit import Actor, AdmitError, Client, Engine, LogIn, Message, Outcome, Secret, hookimpl
from admit.errors import FlowFailed, PasswordRefused, PluginFailed
from admit.flows import Entry
from admit.services import Services
from admit.testing import CHEAP_HASHING, Inbox, SettableClock

ADDRESS = "Ada.Lovelace@example.com"
PASSWORDS = {
    "register": "first 'pass\\word\" with r\u00e4re s\u00efgns",
    "reset": "second pass\tword \u2603 of hers",
    "changed": "third password, 100% & more",
    "admins": "fourth password by an admin",
    "public": "fifth password from a stranger's page",
    "wrong": "sixth password which is wrong",
    "function": "seventh <password\\> for the 'function' \u2603",
}


class Probe:
    """A stranger's flow that keeps the entries it is called with, and asks for the token."""

    name = "probe"
    inline = True

    def __init__(self) -> None:
        self.kept: list[object] = []

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[object]:
        return [self]

    def begin(self, entry: Entry, services: Services) -> Outcome:
        self.kept += [entry, services]
        return Outcome.pending()


@attrs.define
class Leaks:
    """What must not be found anywhere, and what can be searched for it."""

    secrets: dict[str, str] = attrs.Factory(dict)
    printed: list[object] = attrs.Factory(list)
    errors: list[BaseException] = attrs.Factory(list)

    def hide(self, name: str, secret: str | Secret) -> None:
        text = secret.reveal() if isinstance(secret, Secret) else secret
        self.secrets[f"{name} {len(self.secrets)}"] = text

    def show(self, *values: object) -> None:
        self.printed += values

    @contextlib.contextmanager
    def refused(self, error: type[BaseException] = AdmitError) -> Iterator[None]:
        with pytest.raises(error) as refused:
            yield
        self.errors.append(refused.value)

    def found_in(self, name: str, content: bytes) -> list[str]:
        folded = content.lower()
        return [
            f"{secret} in {name}, as {form!r}"
            for secret, text in self.secrets.items()
            for form in _forms(text)
            if form.lower() in folded
        ]


def _forms(secret: str) -> set[bytes]:
    """A secret as itself, and as JSON, `repr`, URLs and base64 write it."""
    raw = secret.encode()
    return {
        raw,
        json.dumps(secret)[1:-1].encode(),
        repr(secret)[1:-1].encode(),
        repr(raw)[2:-1].encode(),
        quote(secret).encode(),
        quote_plus(secret).encode(),
        base64.b64encode(raw).rstrip(b"="),
    }


@pytest.fixture
def leaks() -> Leaks:
    return Leaks()


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def failing(leaks: Leaks) -> Callable[..., object]:
    """A function that quotes all it was told in its exception."""

    def fail(call: dict[str, Any], *arguments: object) -> object:
        leaks.hide("function token", call["token"])
        leaks.hide("function code", call["code"])
        raise ValueError(
            f"cannot reach {call['username']} <{call['username'].upper()}> with {call} or"
            f" https://app.example.com/?to={quote(call['username'])}&token={call['token'].upper()}"
            f" or {json.dumps(call)} or {call['code'].replace('-', '')} {call['token'][:90]}"
            f" {arguments}"
        )

    return fail


@pytest.fixture
def engine(
    json_path: Path,
    inbox: Inbox,
    probe: Probe,
    clock: SettableClock,
    failing: Callable[..., object],
) -> Iterator[Engine]:
    """An engine on a TinyDB file with a key file of its own."""
    settings = {
        "transport": "inbox",
        "email.sender": "admit@example.com",
        "email.link_base": "https://app.example.com/confirm",
        "function.confirmation": "fail",
        "function.reset": "fail",
        **CHEAP_HASHING,
    }
    functions = {"fail": failing}
    with admit.open(
        json_path,
        settings=settings,
        plugins=[inbox, probe],
        functions=functions,
        clock=clock,
        worker=False,
    ) as opened:
        yield opened


def live_through_everything(engine: Engine, inbox: Inbox, leaks: Leaks) -> None:
    """Let one user go through all that has a secret in it."""
    for name, password in PASSWORDS.items():
        leaks.hide(f"password {name}", password)

    def mailed() -> dict[str, str]:
        link, code = inbox.last_link(), inbox.last_code()
        leaks.hide("mailed token", link.token)
        leaks.hide("mailed code", code)
        leaks.hide("mailed code without its dash", code.replace("-", ""))
        return link.credentials

    def log_in(password: str) -> admit.LogIn:
        login = engine.log_in("local-userpass", username=ADDRESS, password=password)
        leaks.hide("access token", login.access_token)
        leaks.hide("refresh token", login.refresh_token)
        leaks.show(login, login.session, login.user)
        return login

    leaks.show(engine.prepare.register("eve@example.com", PASSWORDS["register"]))
    ada = engine.register(ADDRESS, PASSWORDS["register"])
    mailed()
    engine.rerun(ada)
    with leaks.refused():
        engine.confirm(address=ADDRESS, code="AAAA-2222")
    leaks.show(ada, ada.runs, engine.confirm(**mailed()))
    with leaks.refused():
        engine.set_password(**inbox.last_link().credentials, password=PASSWORDS["wrong"])
    with leaks.refused():
        engine.log_in("local-userpass", username=ADDRESS, password=PASSWORDS["wrong"])
    first = log_in(PASSWORDS["register"])
    leaks.show(engine.verify(first.access_token), engine.refresh(first.refresh_token))
    engine.log_out(first.refresh_token)
    with leaks.refused():
        engine.verify(first.access_token)

    engine.reset(ada)
    reset = mailed()
    with leaks.refused(PasswordRefused):
        engine.set_password(**reset, password=ADDRESS)
    engine.set_password(**reset, password=PASSWORDS["reset"])
    engine.change_password(ada, current=PASSWORDS["reset"], new=PASSWORDS["changed"])
    with leaks.refused():
        engine.change_password(ada, current=PASSWORDS["wrong"], new=PASSWORDS["reset"])
    log_in(PASSWORDS["changed"])

    engine.create("grace@example.com", PASSWORDS["admins"])
    with leaks.refused():
        engine.log_in("local-userpass", username="grace@example.com", password=PASSWORDS["admins"])

    public = engine.acting(Actor("user"), client=Client(address="203.0.113.7")).public
    public.register("eve@example.com", PASSWORDS["public"])
    engine.work_once()
    leaks.show(public.confirm(**mailed(), password=PASSWORDS["wrong"]), public)
    public.reset(address=ADDRESS)
    engine.work_once()
    public.set_password(**mailed(), password=PASSWORDS["public"])
    with leaks.refused():
        public.log_in("local-userpass", username=ADDRESS, password=PASSWORDS["wrong"])


def fail_in_every_way(engine: Engine, clock: SettableClock, leaks: Leaks) -> None:
    """Let flows fail that quote all they know."""
    settings = engine.acting(Actor("admin", "support-1"), "trying another flow").settings
    settings.set("confirmation_flow", "function")
    settings.set("reset_flow", "function")
    with leaks.refused(FlowFailed):
        engine.register("Failing.One@example.com", PASSWORDS["register"])
    with leaks.refused(FlowFailed):
        engine.reset(
            address=ADDRESS,
            password=PASSWORDS["function"],
            current_password=PASSWORDS["public"],
            arguments=[PASSWORDS["function"]],
        )
    clock.advance(timedelta(minutes=2))
    engine.public.reset(address=ADDRESS, password=PASSWORDS["function"])
    engine.work_once()
    settings.set("confirmation_flow", "probe")
    engine.register("Probed.Two@example.com", PASSWORDS["register"])


def test_t3_no_secret_is_found_in_files_log_events_or_any_repr(
    engine: Engine,
    inbox: Inbox,
    probe: Probe,
    clock: SettableClock,
    leaks: Leaks,
    json_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    Given a store on disk, a log at its most talkative, and flows that quote all they are told,
    when a user lived through everything,
    then no token, code, password or key is found in the files, the log, the events, the errors or
    the repr of anything that an application gets hold of.
    """
    caplog.set_level(logging.DEBUG)
    key_file = json_path.with_name("users.json.key")
    leaks.hide("engine key", key_file.read_text().strip())
    raw_key = bytes.fromhex(key_file.read_text())
    live_through_everything(engine, inbox, leaks)
    fail_in_every_way(engine, clock, leaks)
    for kept in probe.kept:
        if isinstance(kept, Entry):
            leaks.hide("probed token", kept.token)
            leaks.hide("probed code", kept.code)

    users = engine.users.page().items
    leaks.show(
        engine, engine.users, engine.sessions, engine.events, engine.settings, engine.prepare,
        users, [engine.users.timeline(user) for user in users], engine.events.unsealed(limit=500),
        [engine.why(user) for user in users], [engine.sessions.of(user) for user in users],
        inbox.messages, probe.kept, engine.settings.all(), engine.plugins(),
    )  # fmt: skip
    found = leaks.found_in("the log", caplog.text.encode())
    for printed in leaks.printed:
        found += leaks.found_in(f"repr({type(printed).__name__})", repr(printed).encode())
        found += leaks.found_in(f"str({type(printed).__name__})", str(printed).encode())
    for error in leaks.errors:
        said = [str(error), repr(error), repr(error.__dict__), *traceback.format_exception(error)]
        found += leaks.found_in(type(error).__name__, "\n".join(said).encode())
    engine.close()
    files = [file for file in json_path.parent.iterdir() if file != key_file]
    for file in files:
        found += leaks.found_in(file.name, file.read_bytes())
        found += [f"engine key in {file.name}"] if raw_key in file.read_bytes() else []

    assert [] == found
    assert len(leaks.secrets) > 20
    assert any(file.stat().st_size > 5000 for file in files)


def test_t3_what_a_failed_flow_is_remembered_by_names_nobody(
    engine: Engine, leaks: Leaks, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a function that quotes the address, as it is, in capitals and in a URL,
    when it fails,
    then its type and its words are kept, and neither error, run nor log names the address.
    """
    caplog.set_level(logging.DEBUG)
    engine.settings.set("confirmation_flow", "function")

    with leaks.refused(FlowFailed):
        engine.register("Failing.One@example.com", PASSWORDS["register"])

    failed = engine.users.find("failing.one@example.com").runs[-1].error
    assert failed is not None
    assert failed.sentence.startswith("ValueError: cannot reach")
    for said in (failed.sentence, str(leaks.errors[-1]), caplog.text):
        assert "failing.one" not in said.lower()


QUOTING: dict[str, Callable[[dict[str, Any]], object]] = {
    "plainly": lambda call: " ".join(str(value) for value in call.values()),
    "by-repr": repr,
    "by-repr-of-bytes": lambda call: [str(value).encode() for value in call.values()],
    "as-json": json.dumps,
    "as-json-in-unicode": lambda call: json.dumps(call, ensure_ascii=False),
    "in-capitals": lambda call: str(call).upper(),
    "in-a-url": lambda call: "&".join(quote(str(value)) for value in call.values()),
    "in-a-form": lambda call: urlencode(call),
    "without-the-dash": lambda call: str(call["code"]).replace("-", ""),
    "cut-off": lambda call: call["token"][:100],
}


@pytest.mark.parametrize("quoting", QUOTING.values(), ids=QUOTING.keys())
def test_t3_a_function_that_quotes_its_call_is_not_quoted(
    leaks: Leaks, caplog: pytest.LogCaptureFixture, quoting: Callable[[dict[str, Any]], object]
) -> None:
    """
    Given a reset function whose exception quotes each thing it was told, in some form,
    when it fails,
    then the run, the event, the error and the log have none of them.
    """
    caplog.set_level(logging.DEBUG)
    told = ("token", "code", "password", "username")

    def fail(call: dict[str, Any]) -> object:
        leaks.hide("token", call["token"])
        leaks.hide("cut token", call["token"][24:100])
        leaks.hide("code", call["code"])
        leaks.hide("code without its dash", call["code"].replace("-", ""))
        leaks.hide("address", call["username"])
        raise ValueError(quoting({name: call[name] for name in told}))

    with admit.testing.open(
        functions={"fail": fail}, settings={"reset_flow": "function", "function.reset": "fail"}
    ) as engine:
        user = engine.create(ADDRESS)
        leaks.hide("password", PASSWORDS["function"])
        with leaks.refused(FlowFailed):
            engine.reset(user, password=PASSWORDS["function"])

        [error] = leaks.errors
        remembered = engine.users.get(user.id).runs[-1].error
        events = engine.users.timeline(user)

    details = [(event.codes, event.detail) for event in events if event.trigger != "create"]
    assert remembered is not None
    assert remembered.sentence.startswith("ValueError: ")
    for name, said in (
        ("the run", str(remembered)),
        ("the events", str(details)),
        ("the error", str(error)),
        ("the log", caplog.text),
    ):
        assert [] == leaks.found_in(name, said.encode())


def test_t3_a_hook_that_quotes_a_password_is_not_quoted(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a hook that raises with the password in its text, when a user registers, then she is
    refused, and neither error nor log has the password."""

    class Quoting:
        @hookimpl
        def before_password(self, password: str) -> str | None:
            raise ValueError(f"breached: {password}")

    caplog.set_level(logging.DEBUG)
    password = PASSWORDS["public"]
    with (
        admit.testing.open(inbox=inbox, plugins=[Quoting()]) as engine,
        pytest.raises(PluginFailed) as failed,
    ):
        engine.register(ADDRESS, password)

    for said in (str(failed.value), repr(failed.value), caplog.text):
        assert password not in said


def test_t3_a_transport_that_quotes_the_message_is_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a transport that raises with the whole message in its text, when a mail is sent, then
    neither run nor error nor log has the token."""
    texts: list[str] = []

    class Quoting:
        name = "quoting"

        @hookimpl
        def register_transports(self) -> Iterable[object]:
            return [self]

        def send(self, message: Message, services: Services) -> None:
            texts.append(message.text)
            raise ValueError(f"could not send {message.text!r} to {message.to!r}")

    caplog.set_level(logging.DEBUG)
    with (
        admit.testing.open(plugins=[Quoting()], settings={"transport": "quoting"}) as engine,
        pytest.raises(FlowFailed) as failed,
    ):
        engine.register(ADDRESS, PASSWORDS["register"])

    token = texts[0].split("token=")[1][:128]
    for said in (str(failed.value), repr(failed.value), caplog.text):
        assert token not in said
        assert token[24:60] not in said


def test_t3_tokens_are_kept_as_fast_digests_and_codes_under_a_key(
    engine: Engine, inbox: Inbox, json_path: Path
) -> None:
    """
    Given the same code on two stores,
    then each keeps another digest, since 40 bits could be tried out without a key; a token of 416
    bits is kept as its plain digest.
    """
    ada = engine.register(ADDRESS, PASSWORDS["register"])
    attempt = ada.runs[-1].attempts[-1]
    token, code = inbox.last_link().token.reveal(), inbox.last_code().replace("-", "")

    def plain(text: str) -> str:
        digest = hashlib.sha256(text.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    assert plain(token) == attempt.token_digest
    assert attempt.code_digest not in {plain(code), plain(f"{ada.runs[-1].id}:{code}")}


def test_a2_a_masked_secret_shows_itself_to_nobody() -> None:
    """Given a secret, then repr, str, format and f-strings show the mask, and only reveal() the
    text."""
    secret = Secret("hidden")

    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{[secret]}"]

    assert not [text for text in shown if "hidden" in text]
    assert "hidden" == secret.reveal()


def test_a2_the_store_of_an_engine_opened_by_path_is_for_its_owner_only(
    engine: Engine, json_path: Path
) -> None:
    """Given a store on disk, then nobody but the owner of the process may read its files."""
    engine.register(ADDRESS, PASSWORDS["register"])

    assert {"0o600"} == {oct(file.stat().st_mode & 0o777) for file in json_path.parent.iterdir()}


def test_t3_a_record_takes_a_secret_in_its_masked_type_only() -> None:
    """
    Given a token as plain text,
    when a record that masks it is made,
    then it is refused, and not quoted: it would stand in the record's `repr`.
    """
    with pytest.raises(TypeError, match="access_token must be a Secret") as refused:
        LogIn(user=None, session=None, access_token="sesame", refresh_token=Secret(""))  # type: ignore[arg-type]

    assert "sesame" not in str(refused.value)


def test_equal_secrets_are_one_in_a_set() -> None:
    """Compared and kept by what they hide."""
    assert {Secret("sesame")} == {Secret("sesame"), Secret("sesame")}
    assert Secret("sesame") != "sesame"
