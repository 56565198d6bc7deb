"""Who may use the desk: tokens from the configuration, as bearer or, for the page, as an HttpOnly cookie.

Log-in, roles and rosters come later; until then a token names the desk that holds it.
"""

import hmac
from collections.abc import Mapping

from fastapi import Request, Response

from notifier.desk.problem import Problem

COOKIE = "carebell_desk"


class Tokens:
    """The tokens and whom each stands for."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)

    def name_of(self, token: str) -> str | None:
        """Compared in constant time, all of them."""
        found = None
        for known, name in self._names.items():
            if hmac.compare_digest(known.encode(), token.encode("utf-8", "replace")):
                found = name
        return found

    def first(self) -> str:
        return next(iter(self._names))

    def __call__(self, request: Request) -> str:
        """The name behind a request. A dependency of every route of the API."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.casefold() != "bearer":
            token = request.cookies.get(COOKIE, "")
        name = self.name_of(token.strip()) if token else None
        if name is None:
            raise Problem(
                401, "Not signed in", "Send the header “Authorization: Bearer TOKEN” with a token of this desk."
            )
        return name


def set_cookie(response: Response, token: str) -> None:
    """SameSite=strict: no other site can act with it."""
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/", max_age=12 * 3600)
