"""Delete: the address is free at once and inherits nothing; what is elsewhere is erased, too."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import admit
from admit.errors import SessionInvalid, UserNotFound

PASSWORD = "correct horse battery staple"
newsletter: set[str] = set()


class Newsletter:
    """A plugin that erases what the application keeps of a user elsewhere."""

    @admit.hookimpl
    def register_erase_steps(self) -> Mapping[str, Callable[[admit.User], None]]:
        return {"newsletter": self.unsubscribe}

    def unsubscribe(self, user: admit.User) -> None:
        """Forget the address. It may be called twice: a step that raises is tried again."""
        assert user.address is not None
        newsletter.discard(user.address.typed)


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    newsletter.add("ada@example.com")
    chosen = {"confirmation_flow": "auto"}
    with admit.open(folder / "users.json", plugins=[Newsletter()], settings=chosen) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

        engine.delete(ada)
        try:
            engine.users.get(ada.id)
        except UserNotFound as gone:
            print("the user:", gone.sentence)
        try:
            engine.verify(login.access_token)
        except SessionInvalid as ended:
            print("the session:", ended.sentence)

        again = engine.register("ada@example.com", "another battery staple")
        print("registered again, another user:", again.id != ada.id)

        engine.work_once()  # what a worker does all the time
        print("newsletter:", sorted(newsletter))
        moves = [event for event in engine.users.timeline(ada.id) if event.to_state]
        print("what stays:", [event.trigger for event in moves])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
