"""Embed the engine in FastAPI: register, confirm, log in, who am I, leave."""

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Annotated

import httpx2
from fastapi import Body, Depends, FastAPI

import admit
from admit.web.fastapi import Callers, answer_errors

Text = Annotated[str, Body()]


def make_app(engine: admit.Engine) -> FastAPI:
    """Return the application. What hashes or writes is plain `def`: FastAPI takes a thread."""
    app = FastAPI()
    answer_errors(app)
    callers = Callers(engine)
    Stranger = Annotated[admit.Engine, Depends(callers.stranger)]
    CurrentUser = Annotated[admit.User, Depends(callers.user)]
    FreshAccess = Annotated[admit.Access, Depends(callers.fresh)]
    Herself = Annotated[admit.Engine, Depends(callers.acting)]

    @app.post("/register")
    def register(stranger: Stranger, address: Text, password: Text) -> str:
        return stranger.public.register(address, password).sentence

    @app.post("/confirm")
    def confirm(stranger: Stranger, token_id: Text, token: Text, password: Text) -> str:
        return stranger.public.confirm(token_id=token_id, token=token, password=password).state

    @app.post("/log-in")
    def log_in(stranger: Stranger, address: Text, password: Text) -> str:
        login = stranger.public.log_in("local-userpass", username=address, password=password)
        return login.access_token.reveal()

    @app.get("/me")
    async def me(user: CurrentUser) -> dict[str, object]:
        return dict(user.identities[0].data)

    @app.post("/leave")
    def leave(access: FreshAccess, herself: Herself) -> str:
        return herself.delete(access.user_id).state

    return app


def main(folder: Path) -> None:
    """Run the scenario in *folder*, with a client that calls the application directly."""
    # worker=False and work_once() only here: elsewhere the first registration starts a worker.
    with admit.open(folder / "users.json", dev=True, worker=False) as engine:
        asyncio.run(visit(make_app(engine), engine, folder))


async def visit(app: FastAPI, engine: admit.Engine, folder: Path) -> None:
    ada = {"address": "ada@example.com", "password": "correct horse battery staple"}
    to_app = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=to_app, base_url="http://shop.example") as http:
        print("register:", (await http.post("/register", json=ada)).json())
        engine.work_once()

        mail = max(folder.glob("users.json.mail/*.eml")).read_text("utf-8")
        token, token_id = re.findall(r"token=(\w+)&tokenId=(\w+)", mail)[0]
        link = {"token_id": token_id, "token": token, "password": ada["password"]}
        print("confirm:", (await http.post("/confirm", json=link)).json())

        access = (await http.post("/log-in", json=ada)).json()
        bearer = {"Authorization": f"Bearer {access}"}
        print("who am I:", (await http.get("/me", headers=bearer)).json())
        print("leave:", (await http.post("/leave", headers=bearer)).json())
        print("and now:", (await http.get("/me", headers=bearer)).json()["detail"]["error_code"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
