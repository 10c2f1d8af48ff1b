"""What the server itself refuses, before any engine is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from admit.errors import AdmitError
from admit.web.refusals import NoToken as NoToken  # told of as what the server refuses


class RequestRefused(AdmitError):
    """The request cannot be served as it is. See its subclasses."""

    code = "request-refused"
    exit_code = 2
    status: ClassVar[int] = 400

    def __init__(self, sentence: str, next_step: str) -> None:
        super().__init__(sentence, next_step)
        self.sentence, self.next_step = sentence, next_step


class BodyTooLarge(RequestRefused):
    """The body is larger than the setting `server.body_limit_bytes` allows."""

    code = "body-too-large"
    status = 413

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The body has more than {most:,} bytes.", "Send less; server.body_limit_bytes rules."
        )


class BodyTooSlow(RequestRefused):
    """The body did not arrive within the setting `server.body_time`."""

    code = "body-too-slow"
    status = 408

    def __init__(self, limit: timedelta) -> None:
        super().__init__(
            f"The body did not arrive within {limit.total_seconds():g} seconds.", "Send it again."
        )


class MediaTypeRefused(RequestRefused):
    """The body is said to be something else than JSON."""

    code = "media-type-refused"
    status = 415

    def __init__(self, given: str) -> None:
        super().__init__(
            f"The body is {given[:80]!r}, which is not JSON.",
            "Send it with Content-Type: application/json.",
        )


class FormFromElsewhere(RequestRefused):
    """A form was sent by a page that is not of this server."""

    code = "form-from-elsewhere"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This form was sent from another site.", "Open the link of the message again."
        )


class FunctionOverloaded(RequestRefused):
    """Too many calls of this function of the application hang: it is not called for the moment."""

    code = "function-overloaded"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "Too many calls of this function hang.", "See why it does not answer, and restart."
        )


class NoSuchApplication(RequestRefused):
    """Nothing is hosted under this id."""

    code = "no-such-application"
    status = 404

    def __init__(self, app_id: str) -> None:
        super().__init__(
            f"No application {app_id[:80]!r} is served here.", "Check the app id of the client."
        )
        self.app_id = app_id


class NoSuchRoute(RequestRefused):
    """Nothing is at this path."""

    code = "no-such-route"
    status = 404

    def __init__(self, path: str) -> None:
        super().__init__(f"There is nothing at {path[:200]!r}.", "Check the path.")


class MethodRefused(RequestRefused):
    """The path takes other methods."""

    code = "method-refused"
    status = 405

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(
            f"{method[:20]} is not possible here.", f"Possible: {', '.join(allowed) or 'nothing'}."
        )
        self.allowed = allowed


class TooBusy(RequestRefused):
    """More requests are under way than the setting `server.requests_at_once` allows."""

    code = "too-busy"
    exit_code = 5
    status = 503

    def __init__(self) -> None:
        super().__init__("Too many requests are under way.", "Try again in a moment.")


class TooManyRequests(RequestRefused):
    """One network asks more often than the setting `server.requests_a_minute` allows."""

    code = "too-many-requests"
    exit_code = 5
    status = 429

    def __init__(self, seconds: float) -> None:
        super().__init__(
            "Too many requests came from this network.",
            f"Try again in {max(1, round(seconds))} seconds.",
        )
        self.seconds = seconds


class AnswerTooSlow(RequestRefused):
    """The answer took longer than the setting `server.answer_time`; what was begun goes on."""

    code = "answer-too-slow"
    exit_code = 5
    status = 504

    def __init__(self, limit: timedelta) -> None:
        super().__init__(
            f"No answer within {limit.total_seconds():g} seconds.",
            "Look whether it was done, then try again.",
        )
