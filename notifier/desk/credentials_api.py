"""The API of a home's credentials: who may speak to the broker, and who needs a password. Passwords are never told here."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from devices.credentials import Credential, Speaker
from devices.credentials_missing import missing
from devices.dialects import native
from notifier.desk.auth import Tokens
from notifier.desk.library import Library
from notifier.desk.problem import Problem, described


class CredentialShown(BaseModel):
    """What is kept of a credential, but for its hash."""

    username: Annotated[str, Field(examples=["home-001/button-001"])]
    speaker: Speaker
    dialect: str
    issued_at: datetime
    revoked_at: datetime | None


class CredentialsOfHome(BaseModel):
    """`missing`: the devices and gateways that speak to the broker themselves and have no password; `problems`: what else a
    person must look at."""

    credentials: list[CredentialShown]
    missing: Annotated[list[str], Field(examples=[["home-001/button-002"]])]
    problems: list[str]


def credential_routes(library: Library, tokens: Tokens) -> APIRouter:
    """All of them. Where the broker lets everybody in, as that of a box does, every device is missing one."""
    routes = APIRouter(prefix="/api/v1", tags=["homes"], responses=described(401, 422))

    @routes.get(
        "/homes/{home_id}/credentials",
        summary="Who may speak to the broker, and who needs a password",
        responses=described(404),
    )
    async def of_home(
        _desk: Annotated[str, Depends(tokens)], home_id: Annotated[str, Path(max_length=64)]
    ) -> CredentialsOfHome:
        found = await library.homes.home(home_id)
        if found is None:
            raise Problem(404, "No such home", "Look at /api/v1/homes for those there are.")
        kept: list[Credential] = []
        while page := await library.credentials.page(kept[-1].username if kept else "", home_id=home_id):
            kept += page
        needed = missing(found.home, kept)
        return CredentialsOfHome(
            credentials=[_shown(one) for one in kept],
            missing=[holder.username for holder in needed.holders],
            problems=list(needed.problems),
        )

    return routes


def _shown(credential: Credential) -> CredentialShown:
    return CredentialShown(
        username=credential.username,
        speaker=credential.holder.speaker,
        dialect=credential.holder.dialect or native.NAME,
        issued_at=credential.issued_at,
        revoked_at=credential.revoked_at,
    )
