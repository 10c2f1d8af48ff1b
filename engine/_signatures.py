"""Keys that sign tokens: each signs and verifies by the one algorithm it was made for.

A token's header is compared, as text, with the one that a key writes. So there is nothing in a
token that chooses an algorithm or names a key of its own (RFC 8725 §3.1; security.md J1, J4).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from ._base64url import base64url
from .errors import MissingExtra
from .masked import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

HS256: Final = "HS256"
ALGORITHMS: Final = (HS256, "EdDSA", "ES256", "RS256")
"""HMAC, which whoever verifies can sign with as well, then those with a public key."""

_RSA_BITS: Final = 2048
_COORDINATE_BYTES: Final = 32  # of P-256: RFC 7518 §3.4

encode_json: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class TokenKey(Protocol):
    """What signs and verifies."""

    header: str
    """The header of all its tokens, encoded."""

    def sign(self, body: bytes) -> str:
        """Return the signature of *body*, encoded."""
        ...

    def verifies(self, body: bytes, signature: str) -> bool:
        """Return whether *signature* is this key's, of *body*."""
        ...


def header_of(algorithm: str, kid: str) -> str:
    """Return the encoded header of all tokens of a key."""
    return base64url(encode_json({"alg": algorithm, "kid": kid, "typ": "JWT"}).encode())


class HmacKey:
    """HS256 (RFC 7518 §3.2), by hand: a sixth of what a general library costs."""

    def __init__(self, kid: str, secret: bytes) -> None:
        self.header = header_of(HS256, kid)
        self._secret = secret

    def sign(self, body: bytes) -> str:
        """Return the HMAC of *body*."""
        return base64url(hmac.digest(self._secret, body, "sha256"))

    def verifies(self, body: bytes, signature: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.sign(body), signature)


@attrs.frozen
class KeyPair:
    """A new pair: what everybody may know, and what is sealed."""

    public: Mapping[str, str]
    """The members of its JWK (RFC 7518 §6, RFC 8037 §2) without `kid`, `alg` and `use`."""
    private: Secret


def new_pair(algorithm: str) -> KeyPair:
    """Return a new pair of keys.

    Raises:
        MissingExtra: `cryptography` is not installed.
    """
    needs_cryptography(_signing_by(algorithm))
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    elif algorithm == "ES256":
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        private = rsa.generate_private_key(65537, _RSA_BITS)
    der = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),  # `_sealing` encrypts it
    )
    return KeyPair(_jwk(private), Secret(base64url(der)))


def _jwk(private: PrivateKeyTypes) -> Mapping[str, str]:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ed25519.Ed25519PrivateKey):
        raw = private.public_key().public_bytes_raw()
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}
    if isinstance(private, ec.EllipticCurvePrivateKey):
        point = private.public_key().public_numbers()
        x, y = (n.to_bytes(_COORDINATE_BYTES, "big") for n in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)}
    assert isinstance(private, rsa.RSAPrivateKey)
    numbers = private.public_key().public_numbers()
    return {"kty": "RSA", "n": _of_number(numbers.n), "e": _of_number(numbers.e)}


class PublicKey:
    """EdDSA, ES256 or RS256 by `cryptography`, which is loaded when the key is first used.

    Signs only while it is given what opens the private key.
    """

    def __init__(
        self,
        kid: str,
        algorithm: str,
        public: Mapping[str, str],
        private: Callable[[], Secret] | None = None,
    ) -> None:
        self.header = header_of(algorithm, kid)
        self._algorithm, self._jwk, self._open = algorithm, public, private
        self._how: tuple[Any, ...] = ()
        self._public: Any = None
        self._private: Any = None

    def sign(self, body: bytes) -> str:
        """Return the signature of *body*.

        Raises:
            MissingExtra: `cryptography` is not installed.
            StoreDamaged: the private key cannot be opened.
        """
        if self._private is None:
            assert self._open is not None, "a key that was replaced signs nothing"
            self._loaded()
            self._private = _private_key(self._open())
        signature: bytes = self._private.sign(body, *self._how)
        if self._algorithm == "ES256":
            from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

            r, s = decode_dss_signature(signature)
            signature = b"".join(n.to_bytes(_COORDINATE_BYTES, "big") for n in (r, s))
        return base64url(signature)

    def verifies(self, body: bytes, signature: str) -> bool:
        """Verify with the public key. Text that only decodes to the signature is none.

        Raises:
            MissingExtra: `cryptography` is not installed.
        """
        public: Any = self._loaded()
        from cryptography.exceptions import InvalidSignature

        try:
            raw = _decoded(signature)
            if base64url(raw) != signature:
                return False
            if self._algorithm == "ES256":
                raw = _as_der(raw)
            public.verify(raw, body, *self._how)
        except (InvalidSignature, binascii.Error):
            return False
        return True

    def _loaded(self) -> object:
        """Return the public key, and have what signs and verifies at hand."""
        if self._public is None:
            needs_cryptography(_signing_by(self._algorithm))
            self._how = _how(self._algorithm)
            self._public = _public_key(self._algorithm, self._jwk)
        return self._public


def _as_der(signature: bytes) -> bytes:
    """Return r and s, one after the other (RFC 7518 §3.4), as `cryptography` takes them."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if len(signature) != 2 * _COORDINATE_BYTES:
        raise binascii.Error
    r, s = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def _how(algorithm: str) -> tuple[Any, ...]:
    """Return what `sign` and `verify` take besides the data."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    if algorithm == "ES256":
        return (ec.ECDSA(hashes.SHA256()),)
    return (padding.PKCS1v15(), hashes.SHA256()) if algorithm == "RS256" else ()


def _public_key(algorithm: str, public: Mapping[str, str]) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if algorithm == "EdDSA":
        return ed25519.Ed25519PublicKey.from_public_bytes(_decoded(public["x"]))
    if algorithm == "ES256":
        x, y = _number(public["x"]), _number(public["y"])
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    return rsa.RSAPublicNumbers(_number(public["e"]), _number(public["n"])).public_key()


def _private_key(private: Secret) -> Any:
    from cryptography.hazmat.primitives import serialization

    return serialization.load_der_private_key(_decoded(private.reveal()), None)


def needs_cryptography(what: str) -> None:
    """Return if the package is there. Raises MissingExtra."""
    try:
        import cryptography  # noqa: F401 – whether it is there
    except ImportError:
        raise MissingExtra(what, "cryptography", "oidc") from None


def _signing_by(algorithm: str) -> str:
    return f"Signing tokens by {algorithm}"


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _of_number(number: int) -> str:
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
