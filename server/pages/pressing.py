"""The two pages that links open. Looking at them changes nothing; pressing their button does.

The one to confirm asks for the password, so that nobody activates one that somebody else chose
(security.md H7); the one to reset for a new one, twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
from starlette.responses import Response

from admit.errors import AdmitError, TokenMalformed, TokenRefused

from ..answers import nothing
from ..asking import Ask
from ..routes import Route
from .forms import form_of
from .showing import show, tell_page, texts_for
from .telling import problems_of, refused


@attrs.frozen(kw_only=True)
class Page:
    """A page with a form."""

    name: str
    """Its path, and the name of its template: `confirm` is made of `confirm_page.html.j2`."""
    verb: str
    """What of `engine.public` its button does."""
    again: str
    """What of it sends the message once more, by an address."""
    done: str
    """The text that is told then."""
    passwords: tuple[str, ...]
    """Its fields for passwords."""

    async def look(self, ask: Ask) -> Response:
        """Show the form. Nothing is looked up: whoever opens a link ahead of its owner – a scanner,
        a preview – uses nothing up and learns nothing (security.md T6)."""
        purpose = ask.query("purpose")  # behind email.link_base, which may stand for all messages
        if purpose == "change-address":  # needs the session of her who asked for it
            return await tell_page(ask, self.name, "elsewhere")
        page = RESET if purpose == "reset" else self
        # A link lacking a half is shown as the whole one it was meant to be, and refused later.
        token, token_id = ask.query("token"), ask.query("tokenId")
        return await page._form(ask, token=token, token_id=token_id or "")

    async def press(self, ask: Ask) -> Response:
        """Do what the button says, or send the message once more."""
        form = await form_of(ask)
        try:
            if form.get("do") == "again":
                return await self._send(ask, form)
            return await self._act(ask, form)
        except AdmitError as error:
            problems = problems_of(ask, error, form)
            if not problems:
                return await refused(ask, self.name, error, form)
            return await self._form(ask, 400, problems, **_typed(form))

    async def _act(self, ask: Ask, form: Mapping[str, str]) -> Response:
        by_link = "token" in form
        t = texts_for(ask)
        needed = (*(() if by_link else ("address", "code")), *self.passwords)
        problems = {name: t["missing"] for name in needed if not form.get(name)}
        if not problems and form["password"] != form[self.passwords[-1]]:
            problems = {self.passwords[-1]: t["differs"]}
        if problems:
            return await self._form(ask, 400, problems, **_typed(form))
        proof: dict[str, str] = (
            {"token": form["token"], "token_id": form.get("tokenId", "")}
            if by_link
            else {"address": form["address"], "code": form["code"]}
        )
        verb = getattr(ask.engine().public, self.verb)
        await ask.call(verb, password=form["password"], **proof)
        return await tell_page(ask, self.name, self.done)

    async def _send(self, ask: Ask, form: Mapping[str, str]) -> Response:
        public = ask.engine().public
        if "token" in form:
            await ask.call(public.resend, token=form["token"], token_id=form.get("tokenId", ""))
        elif "again" in form:
            await ask.call(getattr(public, self.again), address=form["again"])
        else:
            return await self._form(ask, 400, {"again": texts_for(ask)["missing"]})
        return await tell_page(ask, self.name, "sent")

    async def _form(
        self,
        ask: Ask,
        status: int = 200,
        problems: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        return await show(
            ask,
            f"{self.name}_page.html.j2",
            status,
            page=self.name,
            problems=problems,
            focus=next(iter(problems or {}), "password" if values.get("token") else "address"),
            **values,
        )


CONFIRM: Final = Page(
    name="confirm", verb="confirm", again="resend", done="confirmed", passwords=("password",)
)
RESET: Final = Page(
    name="reset",
    verb="set_password",
    again="reset",
    done="done",
    passwords=("password", "repeated"),
)


async def seen(ask: Ask) -> Response:
    """Tell a page that waits that its link did its work, on another device perhaps. To all others
    there is nothing to say: who holds no good link learns nothing (security.md E1)."""
    form = await form_of(ask)
    try:
        confirmed = await ask.look(
            ask.engine().public.is_confirmed,
            token_id=form.get("tokenId", ""),
            token=form.get("token", ""),
        )
    except (TokenRefused, TokenMalformed):
        confirmed = False
    return await tell_page(ask, CONFIRM.name, CONFIRM.done) if confirmed else nothing()


def _typed(form: Mapping[str, str]) -> dict[str, str | None]:
    """Return what is shown once more; never a password."""
    return {
        "token": form.get("token"),
        "token_id": form.get("tokenId"),
        "address": form.get("address"),
        "code": form.get("code"),
    }


_QUERY: Final = {
    "token": "The token of the link.",
    "tokenId": "The id of its run.",
    "purpose": "What the link is for, where one page stands for all.",
}
ROUTES: Final = [
    *(
        Route(
            method="GET",
            path=f"/{{app}}/{page.name}",
            handler=page.look,
            summary=f"The page that a link to {page.name} opens.",
            query=_QUERY,
            answers={200: str},
            changes=False,
        )
        for page in (CONFIRM, RESET)
    ),
    *(
        Route(
            method="POST",
            path=f"/{{app}}/{page.name}",
            handler=page.press,
            summary="What its button does.",
            answers={200: str},
        )
        for page in (CONFIRM, RESET)
    ),
    Route(
        method="POST",
        path=f"/{{app}}/{CONFIRM.name}/seen",
        handler=seen,
        summary="Whether the link did its work meanwhile.",
        answers={200: str, 204: None},
        changes=False,
    ),
]
