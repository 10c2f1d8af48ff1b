"""The lifecycle: every trigger, from every state, in every confirmation flow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta

import pytest

import admit
from admit import Actor, Entry, Outcome, Services, User, hookimpl
from admit.errors import AdmitError, NotAllowed, UserNotFound
from admit.flows import ConfirmationFlow
from admit.lifecycle import NEW, TABLE, TRIGGERS, Arrow, diagram, move
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"

FLOWS = ("email", "success", "pending", "fail", "raise", "hang", "auto")
"""The built-in flows; the five in the middle are the function flow, by what its function does."""
STATES = ("new", "pending", "confirmed", "deleted")

Expected = str | Mapping[str, str]
"""The state afterwards ("nobody": the address leads to no one), and the error if there was one; by
flow where the flow matters."""

ENTERED: Mapping[str, str] = {
    "email": "pending",
    "success": "confirmed",
    "pending": "pending",
    "fail": "nobody RegistrationRefused",
    "raise": "pending FlowFailed",
    "hang": "pending FlowFailed",
    "auto": "confirmed",
}
ENTERED_AGAIN: Expected = {**ENTERED, "fail": "pending FlowRefused"}
SENT_AGAIN: Expected = dict.fromkeys(FLOWS, "pending ResendNotPossible") | {"email": "pending"}

EXPECTED: Mapping[str, Mapping[str, Expected]] = {
    "register": {
        "new": ENTERED,
        "pending": "pending AddressTaken",
        "confirmed": "confirmed AddressTaken",
        "deleted": ENTERED,
    },
    "create": {
        "new": "confirmed",
        "pending": "pending AddressTaken",
        "confirmed": "confirmed AddressTaken",
        "deleted": "confirmed",
    },
    "confirm by link": {
        "new": "nobody TokenUnknown",
        "pending": "confirmed",
        "confirmed": "confirmed",
        "deleted": "nobody TokenUnknown",
    },
    "confirm by code": {
        "new": "nobody UserNotFound",
        "pending": "confirmed",
        "confirmed": "confirmed",
        "deleted": "nobody UserNotFound",
    },
    "confirm by hand": {
        "new": "nobody UserNotFound",
        "pending": "confirmed",
        "confirmed": "confirmed NotAllowed",
        "deleted": "nobody UserNotFound",
    },
    "rerun": {
        "new": "nobody UserNotFound",
        "pending": ENTERED_AGAIN,
        "confirmed": "confirmed NotAllowed",
        "deleted": "nobody UserNotFound",
    },
    "resend": {
        "new": "nobody UserNotFound",
        "pending": SENT_AGAIN,
        "confirmed": "confirmed NotAllowed",
        "deleted": "nobody UserNotFound",
    },
    "reject": {
        "new": "nobody",
        "pending": "nobody",
        "confirmed": "confirmed",
        "deleted": "nobody",
    },
    "expire": {
        "new": "nobody",
        "pending": "nobody",
        "confirmed": "confirmed",
        "deleted": "nobody",
    },
    "delete": {
        "new": "nobody UserNotFound",
        "pending": "nobody",
        "confirmed": "nobody",
        "deleted": "nobody UserNotFound",
    },
    "disable": {
        "new": "nobody UserNotFound",
        "pending": "pending",
        "confirmed": "confirmed",
        "deleted": "nobody UserNotFound",
    },
    "enable": {
        "new": "nobody UserNotFound",
        "pending": "pending",
        "confirmed": "confirmed",
        "deleted": "nobody UserNotFound",
    },
}

CELLS = [
    pytest.param(
        trigger,
        state,
        disabled,
        flow,
        expected if isinstance(expected, str) else expected[flow],
        id=f"{trigger}-{state}{'-disabled' if disabled else ''}-{flow}".replace(" ", "_"),
    )
    for trigger, by_state in EXPECTED.items()
    for state, expected in by_state.items()
    for disabled in ((False, True) if state in ("pending", "confirmed") else (False,))
    for flow in FLOWS
]


class Hanging:
    """A flow that does not answer within its limit, as a function that hangs; let go by `over`."""

    name = "hang"
    limit_seconds = 0.01

    def __init__(self) -> None:
        self.over = threading.Event()

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: Entry, services: Services) -> Outcome:
        self.over.wait()
        return Outcome.success()


class Handing:
    """The flow that users of this test are brought into their state by: it hands over link and
    code, as a mail would, without the cost of writing one."""

    name = "hand"
    inline = True
    proves_address = True

    def __init__(self) -> None:
        self.link = {"token_id": "0" * 24, "token": "0" * 128}
        self.code = "AAAA-AAAA"

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: Entry, services: Services) -> Outcome:
        self.link = {"token_id": entry.token_id, "token": entry.token.reveal()}
        self.code = entry.code.reveal()
        return Outcome.pending()


def raising(call: object) -> Outcome:
    """A confirmation function that breaks."""
    raise RuntimeError("the function broke")


FUNCTIONS: Mapping[str, Callable[..., Outcome]] = {
    "success": lambda call: Outcome.success(),
    "pending": lambda call: Outcome.pending(),
    "fail": lambda call: Outcome.fail(),
    "raise": raising,
}


class World:
    """An engine, a user in some state, and how each trigger is pulled."""

    def __init__(self, engine: admit.Engine, clock: SettableClock, hand: Handing) -> None:
        self.engine, self.clock, self.hand = engine, clock, hand
        self.user_id = "0" * 24
        self.link, self.code = hand.link, hand.code
        self.rivals_link = hand.link

    def bring_to(self, state: str, *, disabled: bool) -> None:
        """Bring a user with the address to this state, with a live link and code."""
        if state == "new":
            return
        user = self.engine.register(ADDRESS, PASSWORD)
        self.user_id = user.id
        self.link, self.code = self.hand.link, self.hand.code
        if disabled:
            self.engine.disable(user)
        if state == "confirmed":
            self.engine.confirm_manually(user)
        elif state == "deleted":
            self.engine.delete(user)

    def bring_a_rival(self) -> None:
        """Under `first-proof`, let somebody else wait for the same address."""
        self.engine.settings.set("address_policy", "first-proof")
        self.engine.register(ADDRESS, "another password altogether")
        self.rivals_link = self.hand.link

    def enter_from_now_on(self, flow: str) -> None:
        """Make *flow* the active one."""
        if flow in FUNCTIONS:
            self.engine.settings.set("function.confirmation", flow)
            flow = "function"
        self.engine.settings.set("confirmation_flow", flow)

    def pull(self, trigger: str) -> None:
        """Bring *trigger* about, through the public face only."""
        engine = self.engine
        by_verb: Mapping[str, Callable[[], object]] = {
            "register": lambda: engine.register(ADDRESS, PASSWORD),
            "create": lambda: engine.create(ADDRESS, PASSWORD),
            "confirm by link": lambda: engine.confirm(**self.link),
            "confirm by code": lambda: engine.confirm(address=ADDRESS, code=self.code),
            "confirm by hand": lambda: engine.confirm_manually(self.user_id),
            "rerun": lambda: engine.rerun(self.user_id),
            "resend": lambda: engine.resend(self.user_id),
            "reject": self._let_the_rival_prove_it,
            "expire": self._pass_the_deadline,
            "delete": lambda: engine.delete(self.user_id),
            "disable": lambda: engine.disable(self.user_id),
            "enable": lambda: engine.enable(self.user_id),
        }
        by_verb[trigger]()

    def _let_the_rival_prove_it(self) -> None:
        """Whoever confirms first takes the address; the worker rejects the others."""
        try:
            rival = self.engine.confirm(**self.rivals_link)
        except AdmitError:
            return  # the user of this test was first
        self.engine.work_once()
        # Out of the way, so that the address leads to the user of this test or to nobody.
        self.engine.delete(rival)

    def _pass_the_deadline(self) -> None:
        self.engine.settings.set("expire_pending_after", timedelta(days=7))
        self.clock.advance(timedelta(days=7))
        self.engine.sweep()

    def found(self) -> User | None:
        """Whom the address leads to."""
        try:
            return self.engine.users.find(ADDRESS)
        except UserNotFound:
            return None


@pytest.fixture
def world(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[World]:
    """An engine that has every flow of this table loaded."""
    hanging, hand = Hanging(), Handing()
    plugins = ["admit.plugins.email", "admit.plugins.function", "admit.plugins.auto"]
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        settings={"confirmation_flow": "hand"},
        plugins=[hanging, hand, "admit.plugins.password", *plugins],
        discover=False,  # looking for installed plugins costs more than the rest of a test
        functions=FUNCTIONS,
    ) as engine:
        yield World(engine, clock, hand)
        hanging.over.set()


@pytest.mark.parametrize(("trigger", "state", "disabled", "flow", "expected"), CELLS)
def test_every_trigger_from_every_state_in_every_flow_has_its_result(
    world: World, trigger: str, state: str, disabled: bool, flow: str, expected: str
) -> None:
    """
    Given a user in some state, disabled or not, and a confirmation flow that is active now,
    when a trigger is pulled,
    then it ends in the state, and with the error, that the table above says; only `disable` and
    `enable` touch the flag.
    """
    if trigger == "reject":
        world.bring_a_rival()
    world.bring_to(state, disabled=disabled)
    world.enter_from_now_on(flow)

    try:
        world.pull(trigger)
        error = ""
    except AdmitError as problem:
        error = f" {type(problem).__name__}"

    found = world.found()
    assert expected == ("nobody" if found is None else found.state) + error
    if found is not None and found.id == world.user_id:
        assert {"disable": True, "enable": False}.get(trigger, disabled) == found.disabled


DESTINATIONS: Mapping[str, Mapping[str, str]] = {
    "register": {"new": "pending"},
    "create": {"new": "confirmed"},
    "confirm": {"pending": "confirmed"},
    "rerun": {"pending": "pending"},
    "reject": {"pending": "deleted"},
    "expire": {"pending": "deleted"},
    "absorb": {"confirmed": "deleted"},
    "delete": {"pending": "deleted", "confirmed": "deleted"},
}
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "new": ("register", "create"),
    "pending": ("confirm", "rerun", "reject", "expire", "delete"),
    "confirmed": ("absorb", "delete"),
    "deleted": (),
}


def test_the_table_of_this_test_and_of_the_engine_name_the_same_triggers() -> None:
    """A trigger added to the lifecycle has to be added here as well."""
    assert tuple(DESTINATIONS) == TRIGGERS


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("trigger", DESTINATIONS)
def test_an_arrow_leads_where_the_table_says_and_what_has_none_is_refused(
    trigger: str, state: str
) -> None:
    """A move without an arrow raises NotAllowed, which names state, trigger and what is allowed."""
    dest = DESTINATIONS[trigger].get(state)

    if dest is not None:
        assert dest == move(state, trigger).state
        return
    with pytest.raises(NotAllowed) as refused:
        move(state, trigger)

    error = refused.value
    assert (state, trigger, ALLOWED[state]) == (error.state, error.trigger, error.allowed)
    assert error.guard is None


@pytest.mark.parametrize(
    ("state", "trigger"), [(a.source, a.trigger) for a in TABLE], ids=lambda text: str(text)
)
def test_only_entering_pending_begins_a_run(state: str, trigger: str) -> None:
    """Registering and re-running begin a run because they enter `pending`; nothing else does."""
    moved = move(state, trigger)

    assert ("pending" == moved.state) == moved.begins_run


@pytest.mark.parametrize(
    ("trigger", "ask"),
    [
        ("confirm", lambda engine, user: engine.confirm_manually(user)),
        ("rerun", lambda engine, user: engine.rerun(user)),
        ("rerun", lambda engine, user: engine.resend(user)),
        (
            "correct-address",
            lambda engine, user: engine.correct_address(user, to="grace@example.com"),
        ),
    ],
    ids=["confirm_manually", "rerun", "resend", "correct_address"],
)
def test_an_illegal_move_names_the_state_the_trigger_and_what_is_allowed(
    engine: admit.Engine, trigger: str, ask: Callable[[admit.Engine, User], object]
) -> None:
    """
    Given a confirmed user,
    when something is asked that only a pending one can do,
    then the error says where the user stands and what is possible from there.
    """
    user = engine.create(ADDRESS, PASSWORD)

    with pytest.raises(NotAllowed) as refused:
        ask(engine, user)

    assert "confirmed" == refused.value.state
    assert trigger == refused.value.trigger
    assert ("absorb", "delete") == refused.value.allowed


def test_may_names_what_a_pending_user_may_do_and_the_guard_that_blocks_the_rest(
    engine: admit.Engine,
) -> None:
    """Without a deadline in the settings, expiry is what a guard blocks."""
    user = engine.register(ADDRESS, PASSWORD)

    may = engine.may(user)

    assert ("confirm", "rerun", "reject", "delete") == may.allowed
    assert {"expire": "deadline_has_passed"} == may.blocked


def test_may_allows_expiry_once_the_deadline_has_passed(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """At the very instant of the deadline a pending user may expire."""
    engine.settings.set("expire_pending_after", timedelta(days=7))
    user = engine.register(ADDRESS, PASSWORD)
    clock.advance(timedelta(days=7))

    assert {} == engine.may(user).blocked


def test_may_names_a_flow_that_cannot_be_entered(engine: admit.Engine) -> None:
    """A re-run is blocked while the active flow lacks its settings."""
    user = engine.register(ADDRESS, PASSWORD)
    engine.settings.unset("email.sender")

    assert "flow_is_loaded" == engine.may(user).blocked["rerun"]


def test_may_names_the_cool_down_of_a_user_who_asks_for_herself(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """A user waits between two messages; the application and its admins do not."""
    user = engine.register(ADDRESS, PASSWORD)
    herself = engine.acting(Actor("user", user.id))

    assert "cool_down_is_over" == herself.may(user).blocked["rerun"]
    assert "rerun" in engine.may(user).allowed
    clock.advance(timedelta(seconds=60))
    assert "rerun" in herself.may(user).allowed


@pytest.mark.parametrize("arrow", TABLE, ids=lambda a: f"{a.trigger}-{a.source}")
def test_the_diagram_draws_each_arrow_of_the_table(arrow: Arrow) -> None:
    """Each row is one line of the Mermaid diagram, with its guards."""
    source = "[*]" if arrow.source == NEW else arrow.source
    guards = f" [{', '.join(g.replace('_', ' ') for g in arrow.guards)}]" if arrow.guards else ""

    lines = [line.strip() for line in diagram().splitlines()]

    assert f"{source} --> {arrow.dest}: {arrow.trigger}{guards}" in lines


def test_the_diagram_draws_nothing_else() -> None:
    """Besides its arrows a diagram has its kind, and the end that is no state."""
    lines = diagram().splitlines()

    assert len(TABLE) + 1 == sum(" --> " in line for line in lines)
    assert "    deleted --> [*]" == lines[-1]


def test_a_diagram_is_drawn_from_the_table_it_is_given() -> None:
    """Another table gives another diagram: nothing is drawn by heart."""
    table = [Arrow("confirm", "pending", "confirmed")]

    drawn = diagram(table)

    assert "pending --> confirmed: confirm" in drawn
    assert "rerun" not in drawn
