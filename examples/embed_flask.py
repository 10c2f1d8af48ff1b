"""Embed the engine in Flask: register, confirm, log in, who am I, leave."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

import admit
from admit.web.flask import Callers, answer_errors


def make_app(engine: admit.Engine) -> Flask:
    """Return the application."""
    app = Flask(__name__)
    answer_errors(app)
    callers = Callers(engine)

    @app.post("/register")
    def register() -> ResponseReturnValue:
        receipt = callers.stranger().public.register(
            request.form["address"], request.form["password"]
        )
        return jsonify(receipt.sentence)

    @app.post("/confirm")
    def confirm() -> ResponseReturnValue:
        link = {name: request.form[name] for name in ("token_id", "token", "password")}
        return jsonify(callers.stranger().public.confirm(**link).state)

    @app.post("/log-in")
    def log_in() -> ResponseReturnValue:
        login = callers.stranger().public.log_in(
            "local-userpass", username=request.form["address"], password=request.form["password"]
        )
        return jsonify(login.access_token.reveal())

    @app.get("/me")
    def me() -> ResponseReturnValue:
        return jsonify(dict(callers.user().identities[0].data))

    @app.post("/leave")
    @callers.fresh_required
    def leave() -> ResponseReturnValue:
        return jsonify(callers.acting().delete(callers.access().user_id).state)

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
        bearer = {"Authorization": f"Bearer {access}"}
        print("who am I:", http.get("/me", headers=bearer).json)
        print("leave:", http.post("/leave", headers=bearer).json)
        print("and now:", http.get("/me", headers=bearer).get_json()["error_code"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
