"""Password hashes that users bring along: each opens the door once, and is then replaced (P3).

The hashes were made by the systems that are named, of the same password.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import pytest

import admit
from admit.errors import AdmitError, InvalidInput, NotConfigured, PluginFailed, WrongCredentials
from admit.hashes import HashFormat
from admit.testing import CHEAP_HASHING, KEY, MemoryStore
from admit.testing import open as open_engine

PASSWORD = "correct horse battery stäple"
FIREBASE = {  # the example of github.com/firebase/scrypt
    "imported-hashes.firebase_signer_key": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNm"
    "dZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
    "imported-hashes.firebase_salt_separator": "Bw==",
}
FIREBASE_PASSWORD = "user1password"
FIREBASE_HASH = (
    "$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqm"
    "ZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)

HASHES = {
    "bcrypt": "$2b$04$Hc5JTT2pwVHFm29QFHv9qu.8v2YzTWt.uANtGO0e/25ULGCZq.QoC",
    "bcrypt of PHP": "$2y$04$Hc5JTT2pwVHFm29QFHv9qu.8v2YzTWt.uANtGO0e/25ULGCZq.QoC",
    "bcrypt, older": "$2a$04$Hc5JTT2pwVHFm29QFHv9qu.8v2YzTWt.uANtGO0e/25ULGCZq.QoC",
    "bcrypt of Django": "bcrypt$$2b$04$HSgOGHUUO6.k.nAq9MFbS./MUmzFfqe454/iTyL3R8yyQqMlUBaBW",
    "bcrypt over SHA-256 of Django": "bcrypt_sha256$$2b$04$1H.w1sEN2KSMXS3ypw2NI"
    ".DgGDv6WG8yi.y8j.EJ.h.fnlLstkEk6",
    "PBKDF2 of passlib": "$pbkdf2-sha256$1000$SIkxZgyBECIEYGzNeS/F.A"
    "$KNshGyOv1SVpxHNr1jywoHtkTHRkunU//gPf/M9aZuk",
    "PBKDF2 with SHA-1 of passlib": "$pbkdf2$1000$W4vx/l9rzdlb6x2DkBKCkA"
    "$plZhBiqr6ujOuGSU95eo6D27oAU",
    "PBKDF2 with SHA-512 of passlib": "$pbkdf2-sha512$1000$1jpnzFkLQSgFgPD.n9P6Xw$NavHk5qC1zd4OGWmD"
    "OnWKtCHDUeZaTowoYiQJeWchtwLLH8aKCLlOFAnnMNhNw.6dG71hTmffnqvV60O./CxuA",
    "PBKDF2 of Django": "pbkdf2_sha256$1000$seasalt$603ieDNyKJZNvuZOW7/jEm04THNxl4bN9ChJnetSntI=",
    "PBKDF2 with SHA-1 of Django": "pbkdf2_sha1$1000$seasalt$v13PPyEURfiOHtxfGfAEkSByN5c=",
    "PBKDF2 of Werkzeug": "pbkdf2:sha256:1000$ADPmZrTngjk01QB8"
    "$f75a24439db8baf386e32ac2362003e8444f48e017afe94abe359c5c35986eaa",
    "scrypt of passlib": "$scrypt$ln=4,r=8,p=1$tlYKoRQipNSaUyqFUKq11g"
    "$glDiwggf4c1fYMp/yeHcoQ9CS6dVS7d42qHxU38SEIU",
    "scrypt of Werkzeug": "scrypt:1024:8:1$6ghgiupOoZw10nFr$250b0bcba4cd0fd5a366a35b0a89be46e9cca10"
    "3e49a87d9338d18947bb55a5919d8df312cd821ab9c4ec094df6d2099def0138ce722ac69560860ce05042d88",
    "scrypt of Django": "scrypt$1024$seasalt$8$5$9zP3kY4NerX8KwjX/aXR3HtO+FxTFOgm7pmok0i8s+ws9f23TQ"
    "DDKh4kFVECxk5Nr8pFBv67RscXXoSADx9iUg==",
    "argon2i": "$argon2i$v=19$m=16,t=2,p=2$+skurH6GFEXlMbGQG84inQ"
    "$+CbMBvx7q4chPbPO2Kw2bmq5ui+Zh7lGSrBnK14Pz+o",
    "argon2id of Django": "argon2$argon2id$v=19$m=16,t=1,p=1$c2Vhc2FsdHNlYQ"
    "$znCe1fO0j5pVcUZ5vXJ7a6IPul+L9a0OXHSMek6T7qo",
    "Firebase": FIREBASE_HASH,
}


@pytest.fixture
def engine() -> Iterator[admit.Engine]:
    """An engine that knows the project of Firebase's hash."""
    settings = {**CHEAP_HASHING, **FIREBASE}
    with admit.open(MemoryStore(), key=KEY, settings=settings, worker=False) as opened:
        yield opened


def password_of(hashed: str) -> str:
    return FIREBASE_PASSWORD if hashed == FIREBASE_HASH else PASSWORD


def log_in(engine: admit.Engine, password: str) -> admit.User:
    login = engine.log_in("local-userpass", username="ada@example.com", password=password)
    return login.user


def kept(engine: admit.Engine) -> str:
    """Return what is kept of Ada's password."""
    return str(engine.users.find("ada@example.com").identities[0].private["hash"])


@pytest.mark.parametrize("hashed", HASHES.values(), ids=HASHES)
def test_p3_a_hash_of_another_system_opens_the_door_once_and_is_replaced(
    engine: admit.Engine, hashed: str
) -> None:
    """
    Given a user who brought a hash along,
    when she logs in with her password, then she is let in, nothing else was asked of her, and what
    is kept is argon2id with today's parameters, which lets her in again.
    """
    engine.create("ada@example.com", password_hash=hashed)

    with pytest.raises(WrongCredentials):
        log_in(engine, "another password")
    assert kept(engine) == hashed.removeprefix("argon2") or not hashed.startswith("argon2$")
    assert not kept(engine).startswith("$argon2id$v=19$m=8,t=1,p=1$")

    user = log_in(engine, password_of(hashed))

    assert "confirmed" == user.state
    own = kept(engine)
    assert own.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert user.id == log_in(engine, password_of(hashed)).id
    assert own == kept(engine)


def test_p3_a_password_that_is_wrong_leaves_the_hash(engine: admit.Engine) -> None:
    """Nothing is replaced by what was typed."""
    hashed = HASHES["bcrypt"]
    engine.create("ada@example.com", password_hash=hashed)

    for wrong in ("", "correct horse battery staple", PASSWORD + " "):
        with pytest.raises(WrongCredentials):
            log_in(engine, wrong)

    assert hashed == kept(engine)


def test_p3_a_password_that_was_hashed_in_another_form_of_unicode_is_known(
    engine: admit.Engine,
) -> None:
    """
    Given a system that hashed what was typed, an a with two dots,
    when her keyboard sends an a and two dots, then she is let in.
    """
    engine.create("ada@example.com", password_hash=HASHES["scrypt of Django"])

    assert log_in(engine, "correct horse battery sta\u0308ple").state == "confirmed"


def test_p3_bcrypt_looks_at_seventy_two_bytes(engine: admit.Engine) -> None:
    """Whoever made the hash cut the rest off; the engine's own never does."""
    hashed = "$2b$04$vFZxrZbqvKbJxeW6MNZbwOD6SshjvRWrNFZs4Zuuyf6HxTvhJ3bjO"
    engine.create("ada@example.com", password_hash=hashed)

    log_in(engine, "x" * 100)

    with pytest.raises(WrongCredentials):
        log_in(engine, "x" * 72)
    assert log_in(engine, "x" * 100).state == "confirmed"


def test_a_password_brought_along_is_hers(engine: admit.Engine) -> None:
    """Nobody here chose it, so it need not be changed; it proves who she is, and can be changed."""
    ada = engine.create("ada@example.com", password_hash=HASHES["PBKDF2 of Django"])

    engine.change_password(ada, current=PASSWORD, new="another password altogether")

    assert ada.id == log_in(engine, "another password altogether").id


def test_many_users_are_brought_along_with_one_sync(engine: admit.Engine) -> None:
    """
    Given an export of another system,
    when it is imported as a batch, then each is there, and one that is wrong stops no other.
    """
    exported = {f"user-{n}@example.com": HASHES["PBKDF2 of Django"] for n in range(5)}

    prepared = [
        engine.prepare.create(address, password_hash=hashed) for address, hashed in exported.items()
    ]
    again = engine.prepare.create("user-0@example.com", password_hash=HASHES["bcrypt"])
    results = engine.batch([*prepared, again])

    assert ["confirmed"] * 5 == [user.state for user in results[:5]]
    assert isinstance(results[5], AdmitError)
    assert 5 == engine.users.count()


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "5f4dcc3b5aa765d61d8327deb882cf99",  # MD5
        "$1$salt$hash",
        "$2b$04$tooshort",
        "$2x$04$Hc5JTT2pwVHFm29QFHv9qu.8v2YzTWt.uANtGO0e/25ULGCZq.QoC",
        "$2b$31$Hc5JTT2pwVHFm29QFHv9qu.8v2YzTWt.uANtGO0e/25ULGCZq.QoC",
        "$2b$00$Hc5JTT2pwVHFm29QFHv9qu.8v2YzTWt.uANtGO0e/25ULGCZq.QoC",
        "pbkdf2_sha256$1000$seasalt$",
        "pbkdf2_sha256$1000$seasalt$YQ==",
        "pbkdf2_md5$1000$seasalt$603ieDNyKJZNvuZOW7/jEm04THNxl4bN9ChJnetSntI=",
        "pbkdf2_sha256$0$seasalt$603ieDNyKJZNvuZOW7/jEm04THNxl4bN9ChJnetSntI=",
        "pbkdf2_sha256$999999999$seasalt$603ieDNyKJZNvuZOW7/jEm04THNxl4bN9ChJnetSntI=",
        "pbkdf2:sha256:1000$salt$f75",
        "$scrypt$ln=30,r=8,p=1$tlYKoRQipNSaUyqFUKq11g$glDiwggf4c1fYMp/yeHcoQ9CS6dVS7d42qHxU38SEIU",
        "$scrypt$ln=0,r=8,p=1$tlYKoRQipNSaUyqFUKq11g$glDiwggf4c1fYMp/yeHcoQ9CS6dVS7d42qHxU38SEIU",
        "scrypt:1000:8:1$salt$" + "ab" * 32,
        "scrypt:1024:8:9999$salt$" + "ab" * 32,
        "$firebase-scrypt$ln=14,r=8$salt",
        "$argon2id$v=19$m=16",
        "$argon2id$v=19$m=99999999,t=1,p=1$c2Vhc2FsdHNlYQ$znCe1fO0j5pVcUZ5vXJ7a6IPul+L9a0OXHSMek6T7qo",
        "$argon2id$v=19$m=16,t=9999,p=1$c2Vhc2FsdHNlYQ$znCe1fO0j5pVcUZ5vXJ7a6IPul+L9a0OXHSMek6T7qo",
        "$2b$" + "x" * 2000,
        "\ud800",
        7,
    ],
)
def test_what_is_no_hash_or_too_dear_is_refused_when_it_is_imported(
    engine: admit.Engine, hashed: str
) -> None:
    """Not at the log-in, which could only fail; and never quoted."""
    with pytest.raises(InvalidInput) as raised:
        engine.create("ada@example.com", password_hash=hashed)

    assert "password_hash" == raised.value.field
    assert len(str(hashed)) < 8 or str(hashed) not in f"{raised.value} {raised.value!r}"
    assert 0 == engine.users.count()


def test_a_password_and_a_hash_are_one_too_many(engine: admit.Engine) -> None:
    """One of the two."""
    with pytest.raises(InvalidInput):
        engine.create("ada@example.com", PASSWORD, password_hash=HASHES["bcrypt"])


def test_firebases_hashes_need_the_projects_key() -> None:
    """Told when one is imported."""
    with (
        open_engine() as engine,
        pytest.raises(NotConfigured, match=r"imported-hashes\.firebase_signer_key"),
    ):
        engine.create("ada@example.com", password_hash=FIREBASE_HASH)


class Reversed:
    """A format of a stranger's: the password, backwards."""

    name = "reversed"

    def fits(self, hashed: str) -> bool:
        return hashed.startswith("rev:")

    def check(self, hashed: str, services: admit.Services) -> None:
        if hashed == "rev:":
            raise InvalidInput("password_hash", "is empty.")

    def verify(self, password: bytes, hashed: str, services: admit.Services) -> bool:
        if password == b"break":
            raise RuntimeError(hashed)
        return password.decode()[::-1] == hashed.removeprefix("rev:")


class Formats:
    @admit.hookimpl
    def register_hash_formats(self) -> Iterable[HashFormat]:
        return [Reversed()]


def test_a_plugin_may_bring_a_format_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """
    Given a plugin with a format,
    when users bring such hashes along, then they open the door once and are replaced;
    one that breaks is named, and nothing that it says is shown.
    """
    with ExitStack() as opened:
        engine = opened.enter_context(open_engine(plugins=[Formats()]))
        with pytest.raises(InvalidInput, match="is empty"):
            engine.create("ada@example.com", password_hash="rev:")
        engine.create("ada@example.com", password_hash="rev:elpäts yrettab")

        with pytest.raises(PluginFailed) as raised:
            log_in(engine, "break")
        with pytest.raises(WrongCredentials):
            log_in(engine, "battery staple")
        log_in(engine, "battery stäple")

        assert "elpäts" not in f"{raised.value!r} {caplog.text}"
        assert kept(engine).startswith("$argon2id$")
