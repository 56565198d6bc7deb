"""The API of the desk: cases, what people do with them, the feed, and what could not be read."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from carebell.instruments import Instruments
from carebell.log import Log
from carebell.telemetry import Hop
from carebell.topics import Topic
from carebell.types import Rejected
from carebell.wire import Unreadable, decode
from notifier.case_value import Acted, CaseStatus, Move
from notifier.casebook import Casebook
from notifier.desk.auth import COOKIE, Tokens, set_cookie
from notifier.desk.feed import Feed
from notifier.desk.library import Library
from notifier.desk.page_facts import Page
from notifier.desk.problem import Problem, described
from notifier.desk.shape import Json, time

ACTIVE = "active"
OUTCOMES = ("helped_at_home", "ambulance_called", "hospital", "false_alarm", "test", "no_help_needed", "other")
Limit = Annotated[int, Query(ge=1, le=500, description="How many at the most.")]


class Act(BaseModel):
    """Who did it, and what they say about it."""

    model_config = ConfigDict(extra="ignore")

    by: Annotated[str, Field(max_length=100, description="Who acts; the token's name where it is left out.")] = ""
    note: Annotated[str, Field(max_length=4000)] = ""
    outcome: Annotated[str, Field(max_length=64, description="How a closed case ended.", examples=list(OUTCOMES))] = ""


class SignIn(BaseModel):
    """A token of the desk."""

    token: Annotated[str, Field(max_length=500)]


def case_routes(library: Library, feed: Feed, tokens: Tokens) -> APIRouter:
    """Cases and their feed, to read."""
    routes = APIRouter(prefix="/api/v1", tags=["cases"], responses=described(401, 422))
    Desk = Annotated[str, Depends(tokens)]

    @routes.get("/cases", summary="Cases, newest first")
    async def cases(
        _desk: Desk,
        status: Annotated[
            str, Query(description="open, accepted, en_route, arrived, closed, several with commas, or active")
        ] = "",
        home_id: Annotated[str, Query(max_length=64, description="Of this home only.")] = "",
        outcome: Annotated[
            str,
            Query(max_length=64, description="Closed with this outcome: test finds the presses made to try a button."),
        ] = "",
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> dict[str, Any]:
        return await library.page(_statuses(status), limit, cursor, home_id=home_id, outcome=outcome)

    @routes.get("/cases/{case_id}", summary="A case with its time line and deliveries", responses=described(404))
    async def case(_desk: Desk, case_id: str) -> dict[str, Any]:
        return _found(await library.whole(case_id), "case")

    @routes.get("/feed", summary="Live lines of all cases (server-sent events)", response_class=EventSourceResponse)
    async def live(
        _desk: Desk,
        after: Annotated[int | None, Query(ge=0, description="Begin behind this line: feed_id of the list.")] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        if last_event_id is None:
            return feed.response(after)
        return feed.response(int(last_event_id) if _is_line_id(last_event_id) else -1)

    return routes


def act_routes(casebook: Casebook, library: Library, tokens: Tokens, instruments: Instruments) -> APIRouter:
    """What people do with a case."""
    routes = APIRouter(prefix="/api/v1", tags=["cases"], responses=described(400, 401, 404, 409, 422))
    Desk = Annotated[str, Depends(tokens)]

    @routes.post("/cases/{case_id}/{move}", summary="Accept, report progress, note, escalate or close")
    async def act(desk: Desk, case_id: str, move: Annotated[Move, Path()], body: Act | None = None) -> dict[str, Any]:
        said = body or Act()
        if move is Move.CLOSE and not said.outcome.strip():
            raise Problem(422, "An outcome is needed", f"Say how it ended: outcome is one of {', '.join(OUTCOMES)}.")
        if move is Move.NOTE and not said.note.strip():
            raise Problem(422, "A note is needed", "Send the text as “note”.")
        now = instruments.clock.now()
        acted = Acted(move=move, by=said.by.strip() or desk, note=said.note, outcome=said.outcome.strip())
        changed = await casebook.act(case_id, acted, now)
        if changed is None:
            raise Problem(404, "No such case", "Look at /api/v1/cases for the cases there are.")
        if changed.accepted_at == now:
            instruments.telemetry.observe_rule(Hop.CASE_TO_ACCEPTED, changed.rule, now - changed.called_at)
        return _found(await library.whole(case_id), "case")

    return routes


def rejected_routes(log: Log, tokens: Tokens) -> APIRouter:
    """The messages that could not be read."""
    routes = APIRouter(prefix="/api/v1", responses=described(401, 422))
    Desk = Annotated[str, Depends(tokens)]

    @routes.get(
        "/rejected", tags=["rejected"], summary="Messages that could not be read, newest first, with the reason"
    )
    async def rejected(_desk: Desk, limit: Limit = 50) -> dict[str, Any]:
        records = await log.tail(Topic.REJECTED, limit)
        return {"rejected": [_rejected_json(record.value) for record in records]}

    return routes


def session_routes(tokens: Tokens, page: Page) -> APIRouter:
    """Signing in from the page: the token becomes a cookie that scripts cannot read."""
    routes = APIRouter(prefix="/api/v1", tags=["session"])

    @routes.get("/me", summary="Who is signed in", responses=described(401))
    async def me(desk: Annotated[str, Depends(tokens)]) -> dict[str, Any]:
        return {"name": desk, "demo": page.is_demo, "phone": page.phone or None, "press": page.press or None}

    @routes.post("/session", status_code=204, summary="Sign in", responses=described(400, 401, 422))
    async def sign_in(body: SignIn, response: Response) -> None:
        if tokens.name_of(body.token) is None:
            raise Problem(401, "Wrong token", "This is not a token of this desk; ask whoever runs it.")
        set_cookie(response, body.token)

    @routes.delete("/session", status_code=204, summary="Sign out")
    async def sign_out(response: Response) -> None:
        response.delete_cookie(COOKIE, path="/")

    return routes


def _statuses(text: str) -> tuple[str, ...]:
    if text == ACTIVE:
        return tuple(status for status in CaseStatus if status is not CaseStatus.CLOSED)
    named = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [part for part in named if part not in set(CaseStatus)]
    if unknown:
        known = ", ".join(CaseStatus)
        raise Problem(422, "Unknown status", f"status is one or several of {known}, or {ACTIVE}; not {unknown[0]!r}.")
    return named


def _found(thing: Json | None, what: str) -> Json:
    if thing is None:
        raise Problem(404, f"No such {what}", f"Look at /api/v1/{what}s for those there are.")
    return thing


def _is_line_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _rejected_json(value: bytes) -> Json:
    try:
        rejected = decode(value)
    except Unreadable:
        rejected = None
    if not isinstance(rejected, Rejected):
        return {"reason": "unreadable_record", "payload": value[:200].decode("utf-8", "backslashreplace")}
    return {
        "id": rejected.id,
        "topic": rejected.topic,
        "reason": rejected.reason,
        "detail": rejected.detail,
        "payload": rejected.payload,
        "received_at": time(rejected.received_at),
    }
