"""What is done with passwords and sessions in a life of accounts, and how accounts end."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    rule,
)
from watched_life import (
    ADDRESSES,
    ANSWERS,
    WatchedLife,
    any_password,
    some,
)

from admit.errors import (
    AddressTaken,
    AdmitError,
    CodeResting,
    CodeWrong,
    ConfirmationRequired,
    FlowFailed,
    FlowRefused,
    NotAllowed,
    PasswordMustChange,
    SessionInvalid,
    UserDisabled,
    WrongCredentials,
)


class PasswordsAndSessions(WatchedLife):
    """Passwords, log-ins, sessions; disabled and deleted."""

    # --- passwords -----------------------------------------------------------------------------

    @rule(number=some)
    def reset(self, number: int) -> None:
        person = self.pick(number)
        if person is not None:
            with contextlib.suppress(FlowFailed), self.entering(person, reset=True):
                self.engine.reset(person.id)

    @rule(number=some, password=any_password, answer=st.sampled_from(ANSWERS))
    def reset_by_function(self, number: int, password: str, answer: str) -> None:
        """Only a function that proved this very user sets the password at once (N5)."""
        person = self.pick(number, "confirmed")
        if person is None:
            return
        before, self.moody.mood = self.moody.mood, answer
        self.engine.settings.set("reset_flow", "moody")
        try:
            with self.entering(person, reset=True):
                self.engine.reset(person.id, password=password)
        except (NotAllowed, FlowRefused):
            assert "fail" == answer
        except FlowFailed:
            assert answer in ("raise", "hang", "nonsense")
        else:
            assert answer in ("success", "proved", "pending")
            if answer == "proved":
                self.world.password_set(person, password, by_reset=True)
        self.engine.settings.set("reset_flow", "email")
        self.moody.mood = before

    @rule(number=some, which=some, password=any_password, by_code=st.booleans())
    def set_password(self, number: int, which: int, password: str, by_code: bool) -> None:
        person = self.pick(number)
        tokens = [] if person is None else [t for t in person.tokens if t.purpose == "reset"]
        if person is None or not tokens:
            return
        token = tokens[which % len(tokens)]
        live, loses = token.expires_at > self.clock.now(), self.loses(person)
        proof: dict[str, Any] = token.credentials
        if by_code:
            proof = {"address": person.address, "code": token.code}
        try:
            user = self.engine.set_password(**proof, password=password)
        except AddressTaken:
            assert live
            assert loses
            if person.id not in {u.id for u in self.all_users()}:
                self.world.gone(person)
        except (CodeWrong, CodeResting):
            assert by_code
            assert not live or person.address in self.guessed
            self.guessed.add(person.address)
        except AdmitError:
            assert not live
        else:
            assert live
            assert person.id == user.id
            self.world.password_set(person, password, by_reset=True)
            person.proved = any(a.proved_at is not None for a in user.addresses)
            person.state = "confirmed"

    @rule(number=some, current=any_password, new=any_password)
    def change_password(self, number: int, current: str, new: str) -> None:
        person = self.pick(number)
        if person is None:
            return
        try:
            self.engine.change_password(person.id, current=current, new=new)
        except WrongCredentials:
            assert person.password != current
        else:
            assert person.password == current
            self.world.password_set(person, new, by_reset=False)

    # --- coming in and going out ---------------------------------------------------------------

    @rule(number=some, password=any_password, right=st.booleans())
    def log_in(self, number: int, password: str, right: bool) -> None:
        known = self.pick(number)
        address = ADDRESSES[0] if known is None else known.address
        person = self.world.holder(address)
        if right and person is not None and person.password is not None:
            password = person.password
        right = person is not None and person.password == password
        try:
            login = self.engine.log_in("local-userpass", username=address, password=password)
        except UserDisabled:
            assert person is None or person.disabled
        except PasswordMustChange:
            assert person is not None
            assert right
            assert person.must_change
        except (WrongCredentials, ConfirmationRequired):
            assert not right
        else:
            assert person is not None
            assert right
            assert not (person.disabled)
            assert not (person.must_change)
            assert person.id == login.user.id
            self.secrets |= {login.access_token.reveal(), login.refresh_token.reveal()}
            person.sessions.append(login)

    @rule(number=some, which=some)
    def use_a_session(self, number: int, which: int) -> None:
        person = self.pick(number, "confirmed")
        if person is None or not person.sessions:
            return
        at = which % len(person.sessions)
        login = self.engine.refresh(person.sessions[at].refresh_token)
        assert person.id == self.engine.verify(login.access_token).user_id
        self.secrets.add(login.access_token.reveal())
        person.sessions[at] = login

    @rule()
    def use_all_sessions_that_ended(self) -> None:
        for login in self.world.ended:
            with self.refused(SessionInvalid):
                self.engine.verify(login.access_token)
            with self.refused(SessionInvalid):
                self.engine.refresh(login.refresh_token)

    @rule(number=some, which=some)
    def log_out(self, number: int, which: int) -> None:
        person = self.pick(number, "confirmed")
        if person is not None and person.sessions:
            login = person.sessions.pop(which % len(person.sessions))
            self.engine.log_out(login.refresh_token)
            self.world.ended.append(login)

    @rule(number=some)
    def log_out_all(self, number: int) -> None:
        person = self.pick(number)
        if person is not None:
            self.engine.log_out_all(person.id)
            self.world.end_sessions(person)

    @rule(number=some, disabled=st.booleans())
    def disable_or_enable(self, number: int, disabled: bool) -> None:
        person = self.pick(number)
        if person is not None:
            (self.engine.disable if disabled else self.engine.enable)(person.id)
            if disabled:
                self.world.end_sessions(person)
            person.disabled = disabled

    @rule(number=some)
    def delete(self, number: int) -> None:
        person = self.pick(number)
        if person is not None:
            self.engine.delete(person.id)
            self.world.gone(person)
