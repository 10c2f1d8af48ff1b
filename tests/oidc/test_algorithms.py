"""What an id token may be signed with, and that no key serves an algorithm that is not its own.
Rule J1; the tokens are PyJWT's."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from honest import OpenOn
from hostile_provider import OWN_KEY, Hostile, encoded, jwk
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

import admit
from admit.errors import WrongCredentials
from admit.testing import SettableClock

CURVES = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
}
EDWARDS = ed25519.Ed25519PrivateKey.generate()
RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
KEYS: dict[str, Any] = {**dict.fromkeys(RSA, OWN_KEY), **CURVES, "EdDSA": EDWARDS}


def key_set() -> list[dict[str, Any]]:
    """Return the public halves of all of them, none of which says its algorithm."""
    rsa = {name: value for name, value in jwk(OWN_KEY, "RSA").items() if name != "alg"}
    curves = [
        {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": name}
        for name, key in CURVES.items()
    ]
    edwards = {**json.loads(OKPAlgorithm.to_jwk(EDWARDS.public_key())), "kid": "EdDSA"}
    return [rsa, *curves, edwards]


@pytest.fixture
def engine(hostile: Hostile, open_on: OpenOn, clock: SettableClock) -> admit.Engine:
    """An engine whose provider has one key of each kind."""
    hostile.keys["keys"] = key_set()
    return open_on("oidc", hostile.url, clock=clock)


def kid_of(algorithm: str) -> str:
    """Return which key an algorithm is for."""
    return "RSA" if algorithm in RSA else algorithm


@pytest.mark.parametrize("with_kid", [True, False], ids=["kid", "no kid"])
@pytest.mark.parametrize("algorithm", KEYS)
def test_j1_a_token_of_a_good_algorithm_is_taken(
    algorithm: str, with_kid: bool, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a key of that kind in the set,
    when a token comes that it signed, with its name or – there is but one that fits – without,
    then its user is in.
    """
    headers = {"kid": kid_of(algorithm)} if with_kid else {}
    token = jwt.encode(hostile.claims("n"), KEYS[algorithm], algorithm=algorithm, headers=headers)

    assert "confirmed" == engine.log_in("oidc", id_token=token).user.state


@pytest.mark.parametrize("claimed", [*KEYS, "HS256", "ES256K", "none"])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_j1_a_key_serves_no_algorithm_but_its_own(
    algorithm: str, claimed: str, engine: admit.Engine, hostile: Hostile
) -> None:
    """
    Given a good token,
    when its header is made to name another algorithm, and the body is left as it was signed,
    then it is refused, and nothing breaks.
    """
    token = jwt.encode(
        hostile.claims("n"),
        KEYS[algorithm],
        algorithm=algorithm,
        headers={"kid": kid_of(algorithm)},
    )
    header = {"alg": claimed, "kid": kid_of(algorithm), "typ": "JWT"}
    if claimed == algorithm:
        header["extra"] = "so that the signature is not of this header"
    forged = f"{encoded(header)}.{token.partition('.')[2]}"

    with pytest.raises(WrongCredentials):
        engine.log_in("oidc", id_token=forged)
