"""The verbs of logging in through a browser: begin, look, finish."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ._core import Core
from ._events import Acting
from ._usecases import redirect
from ._usecases.redirect import BegunRedirect, PendingRedirect, RedirectEnd
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
        return redirect.begin(
            self._core,
            self._by,
            provider,
            redirect_uri=redirect_uri,
            return_to=return_to,
            context=context,
        )

    def look(self, parameters: Mapping[str, str]) -> PendingRedirect:
        """Return what waits for an answer with these *parameters*, and let it wait on: so that a
        handler knows where to send the browser if it is then refused.

        Raises:
            RedirectInvalid: nothing does.
        """
        return redirect.look(self._core, parameters)

    def cookie_name(self, parameters: Mapping[str, str]) -> str:
        """Return the name of the cookie that an answer with these *parameters* has to come with."""
        return redirect.cookie_name(parameters.get("state", ""))

    def finish(
        self,
        parameters: Mapping[str, str],
        *,
        binding: str | Secret | None,
        provider: str | None = None,
    ) -> RedirectEnd:
        """Log in with what a browser came back with: once, from the browser that was sent.

        *binding* is the value of its cookie. *provider*, where each has a callback of its own, is
        the one that this callback is for: one more defence against a provider that poses as
        another.

        Raises:
            RedirectInvalid: no log-in of this browser waits for this answer; `because` says more.
            ProviderRefused: the provider, or the user there, said no.
            WrongCredentials: what it answered is not good.
            UserDisabled, Vetoed, PluginFailed: as `Engine.log_in`.
            ProviderFailed: the provider's server cannot be asked. Begin again later.
        """
        self._count()
        return self._answer(
            lambda: redirect.finish(
                self._core, self._by, parameters, binding=binding, provider=provider
            )
        )
