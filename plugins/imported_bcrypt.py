"""bcrypt hashes of other systems, in their modular crypt form."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from admit.errors import MissingExtra
from admit.services import Services

from .imported_forms import bounded, malformed

DEAREST: Final = 16
"""The cost: some four seconds."""
LONGEST_BYTES: Final = 72
"""Of a password that bcrypt looks at; whoever made the hash cut the rest off."""
_FORM: Final = re.compile(
    r"(?P<first>bcrypt_sha256\$|bcrypt\$)?\$2[aby](?P<rest>\$(\d\d)\$[./\w]{53})"
)


class Bcrypt:
    """`$2b$12$…`, `$2a$…` and PHP's `$2y$…`; also with the word that Django puts before it."""

    name = "bcrypt"

    def fits(self, hashed: str) -> bool:
        """Return whether it begins like one."""
        return hashed.startswith(("$2", "bcrypt$", "bcrypt_sha256$"))

    def check(self, hashed: str, services: Services) -> None:
        """Return if it can be verified. Raises InvalidInput, MissingExtra."""
        shape = _FORM.fullmatch(hashed)
        if shape is None:
            raise malformed(self.name)
        bounded(self.name, int(shape[3]), DEAREST)
        _library()

    def verify(self, password: bytes, hashed: str, services: Services) -> bool:
        """Return whether it is the password. Raises MissingExtra."""
        shape = _FORM.fullmatch(hashed)
        if shape is None:
            return False
        if shape["first"] == "bcrypt_sha256$":
            password = hashlib.sha256(password).hexdigest().encode()
        # The three letters name ages of one algorithm; the library makes what PHP calls 2y.
        text = f"$2b{shape['rest']}".encode()
        answer: bool = _library().checkpw(password[:LONGEST_BYTES], text)
        return answer


def _library() -> Any:
    try:
        import bcrypt
    except ImportError:
        raise MissingExtra("A bcrypt hash", "bcrypt", "imports") from None
    return bcrypt
