"""A fastapi-users application that does the same, as its documentation puts it together.

It keeps its users in SQLite by aiosqlite, with WAL and a sync a commit, as ours does; a log-in
makes a JWT, which is kept nowhere. Of benchmarks only: it needs a Python with
`pip install "fastapi-users[sqlalchemy]" aiosqlite uvicorn httptools uvloop` beside admit.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TextIO

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

SECRET = "s" * 48


class Base(DeclarativeBase):
    """Of its tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):  # type: ignore[misc]  # it has no types here
    """Its users."""


def make_app(store: str, mails: TextIO, *, cheap: bool) -> FastAPI:
    """Return the application on a URL of SQLAlchemy; *mails* gets a line a message."""
    engine = create_async_engine(store)
    if store.startswith("sqlite"):

        @event.listens_for(engine.sync_engine, "connect")
        def synced(connection: Any, record: object) -> None:
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")

    hasher = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
    helper = PasswordHelper(PasswordHash((hasher,))) if cheap else PasswordHelper()

    class Manager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):  # type: ignore[misc]
        reset_password_token_secret = verification_token_secret = SECRET

        async def on_after_register(self, user: User, request: Any = None) -> None:
            await self.request_verify(user, request)

        async def on_after_request_verify(
            self, user: User, token: str, request: Any = None
        ) -> None:
            mails.write(f"{user.email} {token}\n")
            mails.flush()

    made = async_sessionmaker(engine, expire_on_commit=False)

    async def users() -> AsyncIterator[Any]:
        async with made() as session:
            yield SQLAlchemyUserDatabase(session, User)

    async def managed(found: Any = Depends(users)) -> AsyncIterator[Manager]:  # noqa: B008
        yield Manager(found, helper)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield

    backend = AuthenticationBackend(
        "jwt", BearerTransport("auth/login"), lambda: JWTStrategy(SECRET, 3600)
    )
    fastapi_users = FastAPIUsers[User, uuid.UUID](managed, [backend])
    app = FastAPI(lifespan=lifespan)
    read, create = schemas.BaseUser[uuid.UUID], schemas.BaseUserCreate
    app.include_router(
        fastapi_users.get_auth_router(backend, requires_verification=True), prefix="/auth"
    )
    app.include_router(fastapi_users.get_register_router(read, create), prefix="/auth")
    app.include_router(fastapi_users.get_verify_router(read), prefix="/auth")
    current = fastapi_users.current_user(active=True, verified=True)

    async def me(user: Any = Depends(current)) -> dict[str, str]:  # noqa: B008
        return {"id": str(user.id), "email": user.email}

    app.add_api_route("/me", me)
    return app
