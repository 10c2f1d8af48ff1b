"""A well-behaved provider of OpenID Connect: Authlib's server side, on loopback.

A process of its own – `python honest_provider.py` prints its URL –, so that nothing of admit judges
itself here: client authentication, redirect URIs, PKCE, nonces, codes that work once and id tokens
are Authlib's. As Apple does, it has browsers come back with a form if asked to, tells a name only
once, and takes a signed client secret, which PyJWT verifies.
"""

from __future__ import annotations

import html
import json
import secrets
import sys
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import jwt as pyjwt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it deprecates parts of itself
    from authlib.integrations.flask_oauth2 import AuthorizationServer
    from authlib.oauth2.rfc6749 import grants
    from authlib.oauth2.rfc7009 import RevocationEndpoint
    from authlib.oauth2.rfc7636 import CodeChallenge
    from authlib.oauth2.rfc9207 import IssuerParameter
    from authlib.oidc.core import OpenIDCode, UserInfo

from flask import Flask, Response, request
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT = "the-client"
SECRET = "the secret of the client"
CALLBACK = "https://app.example.com/callback"
SIGNED_CLIENT = "com.example.app"
"""A client whose secret is a token that it signs, as Apple wants it."""
SIGNED_CLIENT_KEY = "signed-client.pem"
"""Where in its working folder that client's public key is."""


@attrs.frozen
class Client:
    """A registered client, as Authlib asks about one."""

    id: str

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> str:
        return CALLBACK

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == CALLBACK

    def check_client_secret(self, secret: str) -> bool:
        return is_signed(secret) if self.id == SIGNED_CLIENT else secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_post" or self.id == CLIENT

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


def is_signed(secret: str) -> bool:
    """Return whether a client secret was signed as Apple's pages say."""
    try:
        claims = pyjwt.decode(
            secret,
            Path(SIGNED_CLIENT_KEY).read_text("ascii"),
            algorithms=["ES256"],
            audience=issuer(),
            issuer="TEAM123456",
            options={"require": ["iat", "exp", "sub"]},
        )
    except pyjwt.PyJWTError:
        return False
    kid = pyjwt.get_unverified_header(secret).get("kid")
    return claims["sub"] == SIGNED_CLIENT and kid == "KEY1234567"


@attrs.define
class Code:
    """A code that was handed out, as Authlib asks about one."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    user: dict[str, Any]

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@attrs.define
class Token:
    """A refresh token, as Authlib asks about one."""

    text: str
    client_id: str
    revoked: bool = False

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.id


app = Flask(__name__)
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)
codes: dict[str, Code] = {}
nonces: set[str] = set()
tokens: dict[str, Token] = {}
known: set[str] = set()
"""Subjects that came before: Apple does not tell their names again."""


def issuer() -> str:
    return str(app.config["ISSUER"])


def query_client(client_id: str) -> Client | None:
    return Client(client_id) if client_id in (CLIENT, SIGNED_CLIENT) else None


def save_token(token: dict[str, Any], asked: Any) -> None:
    text = token.get("refresh_token")
    if text:
        tokens[text] = Token(text, asked.client.id)


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def save_authorization_code(self, code: str, asked: Any) -> None:
        payload = asked.payload
        codes[code] = Code(
            code=code,
            client_id=asked.client.id,
            redirect_uri=payload.redirect_uri,
            scope=payload.scope,
            nonce=payload.data.get("nonce"),
            code_challenge=payload.data.get("code_challenge"),
            code_challenge_method=payload.data.get("code_challenge_method"),
            user=asked.user,
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = codes.get(code)
        return found if found is not None and found.client_id == client.id else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> dict[str, Any]:
        return authorization_code.user


class IdTokens(OpenIDCode):  # type: ignore[misc]
    def exists_nonce(self, nonce: str, asked: Any) -> bool:
        seen = nonce in nonces
        nonces.add(nonce)
        return seen

    def resolve_client_private_key(self, client: Client) -> KeySet:
        return KeySet([key])

    def get_client_algorithm(self, client: Client) -> str:
        return "RS256"

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": issuer()}

    def generate_user_info(self, user: dict[str, Any], scope: str) -> UserInfo:
        return UserInfo(**user)


class Revocations(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def query_token(self, text: str, hint: str | None) -> Token | None:
        return tokens.get(text)

    def revoke_token(self, token: Token, asked: Any) -> None:
        token.revoked = True


class NamesItself(IssuerParameter):  # type: ignore[misc]
    def get_issuer(self) -> str:
        return issuer()


server = AuthorizationServer(app, query_client, save_token)
server.register_grant(CodeGrant, [CodeChallenge(required=True), IdTokens(require_nonce=True)])
server.register_endpoint(Revocations)
server.register_extension(NamesItself())


@app.get("/.well-known/openid-configuration")
def discovery() -> dict[str, Any]:
    return {
        "issuer": issuer(),
        "authorization_endpoint": f"{issuer()}/authorize",
        "token_endpoint": f"{issuer()}/token",
        "revocation_endpoint": f"{issuer()}/revoke",
        "jwks_uri": f"{issuer()}/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"]
        if app.config["BASIC"]
        else ["client_secret_post"],
    }


@app.get("/keys")
def keys() -> dict[str, Any]:
    return dict(KeySet([key]).as_dict(private=False))


@app.post("/authorize")
def authorize() -> Response:
    """What happens when somebody presses the button of the log-in page: the form says who."""
    user = json.loads(request.form["user"]) if "user" in request.form else None
    answer: Response = server.create_authorization_response(grant_user=user)
    if request.args.get("response_mode") != "form_post" or "Location" not in answer.headers:
        return answer
    fields = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    if user is not None and user["sub"] not in known:
        known.add(user["sub"])
        name = {"firstName": "Ada", "lastName": "Lovelace"}
        fields["user"] = json.dumps({"name": name, "email": user.get("email")})
    inputs = "".join(
        f'<input type="hidden" name="{html.escape(n)}" value="{html.escape(v)}">'
        for n, v in fields.items()
    )
    return Response(f'<form method="post" action="{CALLBACK}">{inputs}</form>')


@app.post("/token")
def token() -> Response:
    answer: Response = server.create_token_response()
    return answer


@app.post("/revoke")
def revoke() -> Response:
    answer: Response = server.create_endpoint_response("revocation")
    return answer


@app.get("/revoked")
def revoked() -> dict[str, Any]:
    """Say how many refresh tokens were taken back: for a test to look at."""
    return {"revoked": sum(token.revoked for token in tokens.values())}


def main() -> None:
    app.secret_key = secrets.token_bytes(16)
    app.config["BASIC"] = "--no-basic" not in sys.argv
    listening = make_server("127.0.0.1", 0, app, threaded=True)
    app.config["ISSUER"] = f"http://127.0.0.1:{listening.server_port}"
    print(issuer(), flush=True)  # noqa: T201  # whoever started it reads this
    listening.serve_forever()


if __name__ == "__main__":
    main()
