"""The verbs of logging in and linking through a browser: begin, look, finish."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ._core import Core
from ._events import Acting
from ._usecases import fresh, redirect, redirect_answer
from ._usecases.redirect import BegunRedirect, Journey
from ._usecases.redirect_answer import PendingRedirect, RedirectEnd, Returned
from .masked import Secret

Answer = Callable[[Callable[[], RedirectEnd]], RedirectEnd]


def _nothing() -> None:
    """Count nothing."""


def _as_it_is(call: Callable[[], RedirectEnd]) -> RedirectEnd:
    """Answer the code that embeds the engine with the whole truth."""
    return call()


class Redirects:
    """Sends browsers to a provider, and takes their answers.

    A web handler begins, gives the browser the cookie, and sends it to `url`. The handler of the
    callback finishes, with the parameters of the query or the form and the cookie's value, and
    removes the cookie. Nothing of that is HTTP's alone: any two calls of a program will do.
    """

    def __init__(
        self,
        core: Core,
        by: Acting,
        *,
        count: Callable[[], None] = _nothing,
        answer: Answer = _as_it_is,
    ) -> None:
        self._core = core
        self._by = by
        self._count = count
        self._answer = answer

    def begin(
        self,
        provider: str,
        *,
        redirect_uri: str | None = None,
        return_to: str | None = None,
        context: Mapping[str, str] | None = None,
    ) -> BegunRedirect:
        """Begin a log-in at *provider*. Good for the setting `redirect_lifetime`.

        *redirect_uri* is your callback, one of the provider's setting of that name; the only one
        if there is but one. *return_to* – one of its `return_uris` – and *context* are kept, and
        handed back at the end.

        Raises:
            UnknownName: there is no such provider to which browsers can be sent.
            InvalidInput: *redirect_uri* or *return_to* is not on its list, or *context* too long.
            NotConfigured, ProviderFailed: it cannot be used as things stand.
        """
        self._count()
        asked = Journey(redirect_uri=redirect_uri, return_to=return_to, context=context)
        return redirect.begin(self._core, self._by, provider, asked)

    def begin_link(
        self,
        provider: str,
        *,
        access_token: str | Secret,
        redirect_uri: str | None = None,
        return_to: str | None = None,
        context: Mapping[str, str] | None = None,
        fresh_log_in: bool = True,
    ) -> BegunRedirect:
        """Begin to link an identity at *provider* to the user whose *access_token* this is. The
        rest is as in `begin`; her log-in must be fresh, unless *fresh_log_in* is false: for a front
        door whose clients cannot log in again (wire-contract.md §2).

        Raises:
            SessionInvalid: this is no access token, or its session ended.
            FreshLogInNeeded: her log-in was too long ago (security.md O6).
            UnknownName, InvalidInput, NotConfigured, ProviderFailed: as `begin`.
        """
        self._count()
        _, session = fresh.caller(self._core, access_token, fresh=fresh_log_in)
        asked = Journey(redirect_uri=redirect_uri, return_to=return_to, context=context)
        return redirect.begin(self._core, self._by, provider, asked, links_to=session)

    def look(self, parameters: Mapping[str, str]) -> PendingRedirect:
        """Return what waits for an answer with these *parameters*, and let it wait on: so that a
        handler knows where to send the browser if it is then refused.

        Raises:
            RedirectInvalid: nothing does.
        """
        self._count()
        return redirect_answer.look(self._core, parameters)

    def cookie_name(self, parameters: Mapping[str, str]) -> str:
        """Return the name of the cookie that an answer with these *parameters* has to come with."""
        return redirect.cookie_name(parameters.get("state", ""))

    def finish(
        self,
        parameters: Mapping[str, str],
        *,
        binding: str | Secret | None,
        provider: str | None = None,
        access_token: str | Secret | None = None,
    ) -> RedirectEnd:
        """Take what a browser came back with: once, from the browser that was sent. Logs its user
        in, or links.

        *binding* is the value of its cookie. For a link hand over the *access_token* of whoever is
        logged in now, too, wherever you have it: then nobody finishes a link of another user in a
        browser that two share. That of the very session that asked does without the cookie. For a
        log-in it says nothing. *provider*, where each has a callback of its own, is the one that
        this callback is for: one more defence against a provider that poses as another.

        Raises:
            RedirectInvalid: nothing waits for this answer of this browser; `because` says more.
            ProviderRefused: the provider, or the user there, said no.
            WrongCredentials: what it answered is not good.
            UserDisabled, Vetoed, PluginFailed …: as `Engine.log_in`.
            SessionInvalid: the session that asked for a link has ended, or a link's *access_token*
                opens nothing.
            IdentityTaken, AlreadyLinked …: as `Identities.link`.
            ProviderFailed: the provider's server cannot be asked. Begin again later.
        """
        self._count()
        came = Returned(
            parameters=parameters, binding=binding, access_token=access_token, provider=provider
        )
        return self._answer(lambda: redirect_answer.finish(self._core, self._by, came))
