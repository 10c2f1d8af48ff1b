"""docs/errors.md and the error tree say the same; each error keeps its promises."""

from __future__ import annotations

import pickle
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from admit import AdmitError, Secret, errors
from admit.testing import open as open_engine

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
PASSWORD = "correct horse battery staple"
SECRET = "a-secret-that-must-not-be-seen"


def tree(root: type[AdmitError]) -> list[type[AdmitError]]:
    """Return *root* and all below it that admit itself defines."""
    below = [kind for kind in root.__subclasses__() if kind.__module__ == errors.__name__]
    return [root, *(found for kind in below for found in tree(kind))]


ERRORS = tree(AdmitError)[1:]


def one_of_each() -> list[AdmitError]:
    """Return an instance of every class that is raised, made as the engine makes it."""
    with open_engine() as engine:
        user = engine.register("ada@example.com", PASSWORD)
    run = user.runs[0].id
    return [
        errors.InvalidInput("login", "is empty."),
        errors.InvalidAddress("login", "is no address."),
        errors.PasswordRefused("password", "is too short.", "Choose a longer one."),
        errors.InvalidSetting("token_lifetime", "must be at most 24 hours."),
        errors.TokenMalformed("token_id"),
        errors.UserNotFound("address"),
        errors.IdentityNotFound("oauth2-google"),
        errors.UnknownName("flow", "emial", ["auto", "email"]),
        errors.NotAllowed("confirmed", "rerun", ["delete"], "flow_is_loaded"),
        errors.ResendNotPossible("auto"),
        errors.AddressTaken("pending"),
        errors.IdTaken("64f0aa64f0aa64f0aa64f0aa", "deleted"),
        errors.Outdated("The custom data", 3, 4),
        errors.IdentityTaken("oauth2-google"),
        errors.AlreadyLinked("local-userpass"),
        errors.LastIdentity("local-userpass"),
        errors.PlanOutdated(),
        errors.Vetoed("policy", "Not on Sundays."),
        errors.ApiKeyNotFound(),
        errors.AdminKeyNotFound(),
        errors.AdminKeyNameTaken(),
        errors.NoAdminKeys(),
        errors.TooManyApiKeys(20, "api_keys_a_user"),
        errors.ApiKeyNameTaken(),
        errors.ProviderDisabled("anon-user"),
        errors.NewUsersRefused("anon-user"),
        errors.DomainRefused("local-userpass"),
        errors.RegistrationRefused("function", "No."),
        errors.FlowRefused("function", "No.", user, run),
        errors.TokenUnknown(),
        errors.TokenUsed(),
        errors.TokenSuperseded(),
        errors.TokenExpired(),
        errors.CodeWrong(),
        errors.LogInRefused("pending"),
        errors.WrongCredentials(),
        errors.CredentialsRefused("This badge was reported as lost."),
        errors.ConfirmationRequired(),
        errors.UserDisabled(),
        errors.PasswordMustChange(),
        errors.Leaving(datetime(2026, 1, 1, tzinfo=UTC), Secret(SECRET)),
        errors.RedirectInvalid("other-browser"),
        errors.ProviderRefused("access_denied"),
        errors.SessionInvalid("expired"),
        errors.FreshLogInNeeded(timedelta(minutes=5)),
        errors.ScopeMissing("owner", "viewer"),
        errors.FlowFailed("email", "delivery-refused", "550 no", user, run),
        errors.DeliveryFailed("550 no", temporary=False),
        errors.PluginFailed("policy", "before_register", "ValueError"),
        errors.PluginTimedOut("policy", "begin", 30.0),
        errors.PluginOverloaded("policy", 8),
        errors.PluginClash("confirmation flow", "email", "one", "another"),
        errors.UnknownHook("policy", "before_registr", ["before_register"], "before_register"),
        errors.TryLater("others are changing this user", timedelta(seconds=5)),
        errors.CodeResting(),
        errors.ProviderFailed("oidc", "it answered with the status 500"),
        errors.NotConfigured("The flow 'email'", ["email.sender"]),
        errors.MissingExtra("The demo", "aiosmtpd", "demo"),
        errors.WrongKey("ADMIT_KEY", "01234567", "89abcdef"),
        errors.StoreError("It could not."),
        errors.FateUnknown(),
        errors.StoreDamaged("Line 3 is no record.", "Put a backup in place."),
        errors.StoreIncomplete("It is a copy that was not finished.", "Copy again."),
        errors.StoreTooNew("It is newer."),
        errors.StoreClosed("The store was closed.", "Open it again."),
        errors.StoreReadOnly("It was opened for reading only."),
        errors.StoreFull("There is no room."),
        errors.StoreInUse("users.json"),
        errors.StoreUnreachable("The database could not be reached."),
    ]


INSTANCES = one_of_each()
BRANCHES = {"not-found", "not-allowed-now", "token-refused", "plugin-error"}
"""Those that are only caught, never raised."""


def test_every_error_has_its_section_and_no_section_is_left_over() -> None:
    """The headings of the page are the codes and classes of the tree."""
    headings = re.findall(r"^### `(.+)` – (\w+)$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert sorted((kind.code, kind.__name__) for kind in ERRORS) == sorted(headings)


@pytest.mark.parametrize("code", sorted(kind.code for kind in ERRORS))
def test_a_section_says_what_happened_what_was_changed_and_what_to_do(code: str) -> None:
    """A reader finds the same three answers in every section."""
    page = PAGE.read_text("utf-8")
    section = page.partition(f"### `{code}` –")[2].partition("\n#")[0]

    said = " ".join(section.split())
    assert ["What happened.", "Changed.", "What to do."] == re.findall(r"\*([A-Z][^*]+\.)\*", said)


def test_no_two_errors_share_a_code() -> None:
    """A code names one class, so that HTTP and the command line can key on it."""
    codes = [kind.code for kind in ERRORS]

    assert sorted(set(codes)) == sorted(codes)


def test_the_tree_drawn_in_the_module_is_the_tree() -> None:
    """The docstring of admit.errors names every class, each below its parent."""
    drawn: list[tuple[str, str]] = []
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│ ├└─]*)([A-Z]\w+)(\s|$)", line)
        if match is None or match[2] == "Everything":
            continue
        depth = len(match[1]) // 4
        path = [*path[:depth], match[2]]
        if depth:
            drawn.append((path[depth - 1], match[2]))

    real = [(kind.__bases__[0].__name__, kind.__name__) for kind in ERRORS]
    assert sorted(real) == sorted(drawn)


def test_each_error_that_is_raised_is_tried_here() -> None:
    """A new class must be added to the list above, or to the branches."""
    tried = {type(error).code for error in INSTANCES}

    assert {kind.code for kind in ERRORS} == tried | BRANCHES


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: error.code)
def test_an_error_survives_pickling(error: AdmitError) -> None:
    """Errors cross process borders whole: type, sentence and data."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes

    assert type(error) is type(copy)
    assert str(error) == str(copy)
    assert vars(error) == vars(copy)


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: error.code)
def test_an_error_says_what_to_do_next(error: AdmitError) -> None:
    """Its text is the sentence, the next step and the code."""
    assert f"{error.sentence} {error.next_step} [{error.code}]" == str(error)
    assert error.sentence
    assert error.next_step


def test_t3_a_flow_that_fails_with_the_token_in_its_error_does_not_show_it() -> None:
    """
    Given a confirmation function whose exception quotes all that it was given,
    when it fails,
    then neither text nor repr of the error shows token, code, address or password.
    """
    seen: dict[str, str] = {}

    def confirm(call: dict[str, str]) -> None:
        seen.update(call)
        raise RuntimeError(f"{call['token']} {call['code']} {call['username']}")

    settings = {"confirmation_flow": "function", "function.confirmation": "confirm"}
    with (
        open_engine(functions={"confirm": confirm}, settings=settings) as engine,
        pytest.raises(errors.FlowFailed) as caught,
    ):
        engine.register("ada@example.com", SECRET)

    shown = str(caught.value)
    for hidden in (seen["token"], seen["code"], "ada@example.com", SECRET):
        assert hidden not in shown
    for hidden in (seen["token"], seen["code"], SECRET):
        assert hidden not in repr(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        {"email.time_limit": SECRET},
        {"smtp.port": SECRET},
        {"address_policy": SECRET},
        {"must_change_is_enforced": SECRET},
    ],
    ids=lambda bad: next(iter(bad)),
)
def test_t3_a_setting_that_is_refused_is_not_quoted(bad: dict[str, object]) -> None:
    """A secret set under the wrong name must not end up in a log."""
    with pytest.raises(errors.InvalidInput) as caught, open_engine(settings=bad):
        pass

    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
