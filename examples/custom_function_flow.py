"""A function of the application decides: confirm at once, refuse, or send the code itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import admit
from admit.errors import RegistrationRefused

texts: dict[str, str] = {}


def decide(call: dict[str, object]) -> dict[str, object]:
    """Let staff in, keep throw-away addresses out, text everybody else a code."""
    username = str(call["username"])
    if username.endswith("@staff.example.com"):
        return {"status": "success"}
    if username.endswith("@throwaway.example"):
        return {"status": "fail", "message": "Please use an address that will last."}
    texts[username] = str(call["code"])  # a text message, say
    return {"status": "pending"}


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    with admit.open(
        folder / "users.json",
        functions={"decide": decide},
        settings={"confirmation_flow": "function", "function.confirmation": "decide"},
    ) as engine:
        password = "correct horse battery staple"
        print("staff:", engine.register("grace@staff.example.com", password).state)

        try:
            engine.register("nobody@throwaway.example", password)
        except RegistrationRefused as refused:
            print("throw-away:", refused.message)

        print("everybody else:", engine.register("ada@example.com", password).state)
        ada = engine.confirm(address="ada@example.com", code=texts["ada@example.com"])
        print("code typed:", ada.state)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
