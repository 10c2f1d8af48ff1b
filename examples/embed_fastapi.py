"""Embed the engine in FastAPI: register, confirm, log in, who am I."""

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Annotated

import httpx
from fastapi import Body, Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse

import admit
from admit.errors import SessionInvalid
from admit.public import PublicFace

Text = Annotated[str, Body()]


def make_app(engine: admit.Engine) -> FastAPI:
    """Return the application. Its routes are plain `def`: FastAPI runs them in threads."""
    app = FastAPI()

    def public(request: Request) -> PublicFace:
        client = admit.Client(address=request.client.host if request.client else None)
        return engine.acting(admit.Actor("user"), client=client).public

    Stranger = Annotated[PublicFace, Depends(public)]

    @app.exception_handler(admit.AdmitError)
    def refuse(request: Request, error: admit.AdmitError) -> JSONResponse:
        status = 401 if isinstance(error, SessionInvalid) else 400
        return JSONResponse({"code": error.code, "message": error.sentence}, status)

    @app.post("/register")
    def register(stranger: Stranger, address: Text, password: Text) -> str:
        return stranger.register(address, password).sentence

    @app.post("/confirm")
    def confirm(stranger: Stranger, token_id: Text, token: Text, password: Text) -> str:
        return stranger.confirm(token_id=token_id, token=token, password=password).state

    @app.post("/log-in")
    def log_in(stranger: Stranger, address: Text, password: Text) -> str:
        login = stranger.log_in("local-userpass", username=address, password=password)
        return login.access_token.reveal()

    @app.get("/me")
    def me(authorization: Annotated[str, Header()]) -> dict[str, object]:
        access = engine.verify(authorization.removeprefix("Bearer "))
        return dict(engine.users.get(access.user_id).identities[0].data)

    return app


def main(folder: Path) -> None:
    """Run the scenario in *folder*, with a client that calls the application directly."""
    # worker=False and work_once() only here: elsewhere the first registration starts a worker.
    with admit.open(folder / "users.json", dev=True, worker=False) as engine:
        asyncio.run(visit(make_app(engine), engine, folder))


async def visit(app: FastAPI, engine: admit.Engine, folder: Path) -> None:
    ada = {"address": "ada@example.com", "password": "correct horse battery staple"}
    to_app = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=to_app, base_url="http://shop.example") as http:
        print("register:", (await http.post("/register", json=ada)).json())
        engine.work_once()

        mail = max(folder.glob("users.json.mail/*.eml")).read_text("utf-8")
        token, token_id = re.findall(r"token=(\w+)&tokenId=(\w+)", mail)[0]
        link = {"token_id": token_id, "token": token, "password": ada["password"]}
        print("confirm:", (await http.post("/confirm", json=link)).json())

        access = (await http.post("/log-in", json=ada)).json()
        bearer = {"Authorization": f"Bearer {access}"}
        print("who am I:", (await http.get("/me", headers=bearer)).json())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
