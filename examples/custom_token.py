"""Another system signs tokens that say who somebody is; its users need no other log-in."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import OctKey

import admit
from admit.errors import WrongCredentials

SHARED = "a secret that both systems have, 32 bytes or more"


def signed_by_the_portal(audience: str) -> str:
    """Return what the portal hands to a user who is logged in there."""
    claims = {
        "sub": "e-1042",
        "aud": audience,
        "exp": int(time.time()) + 300,
        "profile": {"display.name": "Grace"},
    }
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SHARED))


def main(folder: Path) -> None:
    """Run the scenario in *folder*."""
    settings = {
        "custom-token.enabled": True,
        "custom-token.secret": SHARED,  # or keys=…, key_file=…, jwks_url=… of RS256, ES256, EdDSA
        "custom-token.audience": "shop",
        "custom-token.metadata": r"profile.display\.name=name",
    }
    with admit.open(folder / "users.json", settings=settings) as engine:
        grace = engine.log_in("custom-token", token=signed_by_the_portal("shop")).user
        print("recognised:", grace.identities[0].id, dict(grace.identities[0].data))
        try:
            engine.log_in("custom-token", token=signed_by_the_portal("payroll"))
        except WrongCredentials as refused:
            print("a token for another system:", refused.sentence)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
