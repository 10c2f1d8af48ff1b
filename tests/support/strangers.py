"""What a stranger asks of accounts in each state, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from admit.public import PublicFace

PASSWORD = "correct horse battery staple"
WRONG = "not the password at all"
ADDRESS = "ada@example.com"


Request = Callable[[PublicFace], object]


REQUESTS: Mapping[str, Request] = {
    "register": lambda public: public.register("Ada@example.com", "my own long password"),
    "register-with-the-same-password": lambda public: public.register(ADDRESS, PASSWORD),
    "resend": lambda public: public.resend(address=ADDRESS),
    "resend-with-a-wrong-password": lambda public: public.resend(address=ADDRESS, password=WRONG),
    "resend-with-the-password": lambda public: public.resend(address=ADDRESS, password=PASSWORD),
    "rerun": lambda public: public.rerun(address=ADDRESS),
    "rerun-with-a-wrong-password": lambda public: public.rerun(address=ADDRESS, password=WRONG),
    "reset": lambda public: public.reset(address=ADDRESS),
    "reset-with-a-new-password": lambda public: public.reset(address=ADDRESS, password=WRONG),
    "log-in-with-a-wrong-password": lambda public: public.log_in(
        "local-userpass", username=ADDRESS, password=WRONG
    ),
    "delete-with-a-wrong-password": lambda public: public.delete(address=ADDRESS, password=WRONG),
    "change-password-with-a-wrong-one": lambda public: public.change_password(
        address=ADDRESS, current=WRONG, new="my own long password"
    ),
    "correct-address-with-a-wrong-password": lambda public: public.correct_address(
        address=ADDRESS, password=WRONG, to="grace@example.com"
    ),
    "confirm-with-a-wrong-code": lambda public: public.confirm(
        address=ADDRESS, code="AAAA-2222", password=PASSWORD
    ),
    "confirm-with-a-wrong-code-and-a-common-password": lambda public: public.confirm(
        address=ADDRESS, code="AAAA-2222", password="password"
    ),
    "set-password-with-a-wrong-code": lambda public: public.set_password(
        address=ADDRESS, code="AAAA-2222", password="my own long password"
    ),
    "set-password-with-a-wrong-code-and-a-common-password": lambda public: public.set_password(
        address=ADDRESS, code="AAAA-2222", password="password"
    ),
}
