"""A user's life with several identities against a model of it: what she is known by, what opens.

`tests/support/identities_reference.py` is the model, `known_lives.py` what always holds. Each rule
asks the model what refuses it, does it to the engine, and says in the model what it comes to.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from addresses_and_passwords import AddressesAndPasswords
from coming_and_leaving import (
    ComingAndLeaving,
    an_address,
    any_flow,
    any_password,
    any_policy,
    any_told,
    anybody,
    said,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test
from known_accounts import LOCAL, ONCE_ONLY, Account, Login, Opened
from known_lives import TOLD
from rotating_sessions import some
from store_kinds import KINDS, new_store

from admit import User
from admit.errors import ConfirmationRequired, LogInRefused, UserDisabled, WrongCredentials
from admit.stores import Store

any_stale = st.sampled_from(["none", "none", "into", "absorbed"])
ALIKE = (UserDisabled, ConfirmationRequired, WrongCredentials)
"""What the public face answers alike."""


class LifeWithIdentities(AddressesAndPasswords):
    """Linking, unlinking and merging."""

    @initialize(flow=any_flow, policy=any_policy, rotates=st.booleans(), links=st.booleans())
    def some_are_there_already(
        self,
        flow: str,
        policy: str = "reserve",
        rotates: bool = False,
        links: bool = False,
    ) -> None:
        super().some_are_there_already(flow, policy, rotates)
        if links:
            self.link_as_told(0, TOLD[2], None, hers=False)

    # --- linking and unlinking -------------------------------------------------------------------

    @rule(number=some, who=any_told, address=an_address, hers=st.booleans())
    def link_as_told(
        self, number: int, who: tuple[str, str], address: tuple[str, bool] | None, hers: bool
    ) -> None:
        """*hers*: the provider vouches for the address that she has."""
        person = self.pick(number)
        if person is not None and person.addresses and hers:
            address = (list(person.addresses)[-1], True)
        if person is not None:
            expected = self.world.link_refuses(person, *who, None)
            credentials = said(who[1], address)
            user = self.ask(
                expected, lambda: self.engine.identities.link(person.id, who[0], **credentials)
            )
            self.linked(person, user, who, address)

    @rule(number=some, address=anybody, password=any_password, right=st.booleans())
    def link_a_registration(self, number: int, address: str, password: str, right: bool) -> None:
        """One that nobody logged in with moves, and its user is absorbed."""
        person, holder = self.pick(number), self.world.known_as(LOCAL, address)
        if right and holder is not None and holder.local is not None:
            password = holder.local.password or password
        if person is not None:
            expected = self.world.link_refuses(person, LOCAL, address, password)
            credentials = {"username": address, "password": password}
            user = self.ask(
                expected, lambda: self.engine.identities.link(person.id, LOCAL, **credentials)
            )
            self.linked(person, user, (LOCAL, address), None)

    def linked(
        self,
        person: Account,
        user: User | None,
        who: tuple[str, str],
        address: tuple[str, bool] | None,
        asks: Opened | None = None,
    ) -> None:
        """In the model."""
        if user is None:
            return
        assert person.id == user.id
        holder = self.world.owner(*who)
        if holder is None:
            addresses = [] if address is None else [address]
            self.world.gain(person, [Login(*who)], addresses, asks)
        elif holder is not person:
            logins = self.world.plan(person, holder, taking=False)
            self.world.absorb(person, holder, logins, ends=False, asks=asks)

    @rule(number=some, which=some, who=any_told, address=an_address)
    def link_herself(
        self, number: int, which: int, who: tuple[str, str], address: tuple[str, bool] | None
    ) -> None:
        """With a session of hers, which goes on whatever ends; only after a fresh log-in."""
        person = self.pick(number, lambda one: one.sessions)
        one = None if person is None else self.session_of(person, which)
        if person is None or one is None:
            return
        expected = self.not_fresh(person, one)
        refused = self.world.link_refuses(person, *who, None)
        if expected is None:
            expected = self.throttled("link", person) or (
                LogInRefused if refused in ALIKE else refused
            )
        public, credentials = self.engine.public.identities, said(who[1], address)
        access = one.log_in.access_token
        user = self.ask(expected, lambda: public.link(access, who[0], **credentials))
        has_no_other = all(login.provider in ONCE_ONLY for login in person.logins)
        if user is not None and self.world.owner(*who) is not person and has_no_other:
            one.at = self.clock.now()  # of who was exempt, it is the log-in
        self.linked(person, user, who, address, one)

    @rule(number=some, which=some, by_herself=st.booleans(), session=some, switches=st.booleans())
    def unlink(
        self, number: int, which: int, by_herself: bool, session: int, switches: bool
    ) -> None:
        """Never the last one; *switches*: nor the last but one whose provider is off."""
        person = self.pick(number, lambda one: number % 4 == 0 or len(one.logins) > 1)
        if person is None:
            return
        login = person.logins[which % len(person.logins)]
        identity = next(
            identity.id
            for identity in self.engine.users.get(person.id).identities
            if (identity.provider, identity.login_key) == (login.provider, login.key)
        )
        given = {"provider": login.provider, "identity": identity}
        others = {one.provider for one in person.logins if one is not login}
        for provider in sorted(others) if switches else ():
            self.switch_a_provider(provider, is_on=False)
        expected = self.world.unlink_refuses(person, login)
        one = self.session_of(person, session) if by_herself else None
        if one is None:
            user = self.ask(expected, lambda: self.engine.identities.unlink(person.id, **given))
        else:
            expected = self.not_fresh(person, one) or expected
            given["access_token"] = one.log_in.access_token.reveal()
            user = self.ask(expected, lambda: self.engine.public.identities.unlink(**given))
        if user is not None:
            person.logins.remove(login)
            self.world.end_sessions(person, but=one)
            if login.provider == LOCAL:
                self.world.kill(person, "reset", "change-address")
        for provider in sorted(others) if switches else ():
            self.switch_a_provider(provider, is_on=True)

    # --- merging ---------------------------------------------------------------------------------

    @rule(into=some, absorbed=some, taking=st.booleans())
    def merge(self, into: int, absorbed: int, taking: bool) -> None:
        """*taking*: where both have a password, the absorbed user's stays."""
        any_one, refuses = into % 8 == 7, self.world.merge_refuses
        one = self.pick(into, lambda p: any_one or refuses(p, p, itself=True) is None)
        other = self.pick(absorbed, lambda p: any_one or (one and refuses(one, p) is None))
        if one is None or other is None:
            return
        identities = self.engine.identities
        expected = self.world.merge_refuses(one, other)
        plan = self.ask(expected, lambda: identities.plan_merge(one.id, other.id))
        if plan is None:
            self.ask(expected, lambda: identities.merge(one.id, other.id))
            return
        taking = taking and plan.collisions != ()
        logins = self.world.plan(one, other, taking=taking)
        if taking:
            plan = plan.taking(plan.collisions[0].goes)
        planned = [(identity.provider, identity.login_key) for identity in plan.identities]
        assert [(login.provider, login.key) for login in logins] == planned
        expected = self.world.plan_refuses(one, other, logins)
        user = self.ask(expected, lambda: identities.merge(one.id, other.id, plan=plan))
        if user is not None:
            assert one.id == user.id
            self.world.absorb(one, other, logins, ends=True)

    @rule(into=some, absorbed=some, taking=st.booleans(), which=some, stale=any_stale)
    def merge_herself(self, into: int, absorbed: int, taking: bool, which: int, stale: str) -> None:
        """With a session of each, one of them perhaps too old; the survivor's goes on."""
        one = self.pick(into, self.world.may_link)
        other = self.pick(absorbed, lambda p: p is not one and self.world.may_link(p))
        if one is None or other is None:
            return
        for person, name in ((one, "into"), (other, "absorbed")):
            if stale == name:
                self.come_back(person, which)
                self.the_clock_jumps(6)
        for person, name in ((one, "into"), (other, "absorbed")):
            if stale != name:
                self.come_back(person, which)
        asks, gives = (self.session_of(person, -1) for person in (one, other))
        if asks is None or gives is None:
            return
        public = self.engine.public.identities
        plans = partial(
            public.plan_merge,
            access_token=asks.log_in.access_token,
            absorbed_access_token=gives.log_in.access_token,
        )
        merges = partial(public.merge, **plans.keywords)
        expected = self.not_fresh(one, asks) or self.not_fresh(other, gives)
        expected = expected or self.world.merge_refuses(one, other)
        plan = self.ask(expected, plans)
        if plan is not None and taking and plan.collisions:
            plan = plan.taking(plan.collisions[0].goes)
            logins = self.world.plan(one, other, taking=True)
        else:
            logins = self.world.plan(one, other, taking=False)
        expected = expected or self.world.plan_refuses(one, other, logins)
        user = self.ask(expected, lambda: merges(plan=plan))
        if user is not None:
            assert one.id == user.id
            self.world.absorb(one, other, logins, ends=True, asks=asks)


# Most walks are short, and each leaves some rules out: it takes some hundred to come by everything.
PROFILE = settings()
MANY = settings(max_examples=max(200, PROFILE.max_examples))
SOME = settings(max_examples=max(20, PROFILE.max_examples // 10))

TestComingAndLeaving = ComingAndLeaving.TestCase
TestComingAndLeaving.settings = MANY
TestLifeWithIdentities = LifeWithIdentities.TestCase
TestLifeWithIdentities.settings = MANY


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_a_life_with_identities_is_the_same_on_every_store(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Given a store of each kind, new for each life, when a few lives are led, then all holds that
    holds in memory."""

    class Elsewhere(LifeWithIdentities):
        def open_store(self) -> Store:
            return new_store(kind, uuid4(), tmp_path, request)

    run_state_machine_as_test(Elsewhere, settings=SOME)
