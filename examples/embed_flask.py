"""Embed the engine in Flask: register, confirm, log in, who am I."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

import admit
from admit.errors import SessionInvalid
from admit.public import PublicFace


def make_app(engine: admit.Engine) -> Flask:
    """Return the application."""
    app = Flask(__name__)

    def stranger() -> PublicFace:
        client = admit.Client(address=request.remote_addr)
        return engine.acting(admit.Actor("user"), client=client).public

    @app.errorhandler(admit.AdmitError)
    def refuse(error: admit.AdmitError) -> ResponseReturnValue:
        status = 401 if isinstance(error, SessionInvalid) else 400
        return jsonify(code=error.code, message=error.sentence), status

    @app.post("/register")
    def register() -> ResponseReturnValue:
        receipt = stranger().register(request.form["address"], request.form["password"])
        return jsonify(receipt.sentence)

    @app.post("/confirm")
    def confirm() -> ResponseReturnValue:
        form = request.form
        user = stranger().confirm(
            token_id=form["token_id"], token=form["token"], password=form["password"]
        )
        return jsonify(user.state)

    @app.post("/log-in")
    def log_in() -> ResponseReturnValue:
        login = stranger().log_in(
            "local-userpass", username=request.form["address"], password=request.form["password"]
        )
        return jsonify(login.access_token.reveal())

    @app.get("/me")
    def me() -> ResponseReturnValue:
        token = request.authorization.token if request.authorization else None
        user = engine.users.get(engine.verify(token or "").user_id)
        return jsonify(dict(user.identities[0].data))

    return app


def main(folder: Path) -> None:
    """Run the scenario in *folder*, with Flask's test client in place of a browser."""
    # worker=False and work_once() only here: elsewhere the first registration starts a worker.
    with admit.open(folder / "users.json", dev=True, worker=False) as engine:
        http = make_app(engine).test_client()
        ada = {"address": "ada@example.com", "password": "correct horse battery staple"}
        print("register:", http.post("/register", data=ada).json)
        engine.work_once()

        mail = max(folder.glob("users.json.mail/*.eml")).read_text("utf-8")
        token, token_id = re.findall(r"token=(\w+)&tokenId=(\w+)", mail)[0]
        link = {"token_id": token_id, "token": token, "password": ada["password"]}
        print("confirm:", http.post("/confirm", data=link).json)

        access = http.post("/log-in", data=ada).json
        print("who am I:", http.get("/me", headers={"Authorization": f"Bearer {access}"}).json)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
