"""The web application: middleware, routes, and what people read when something fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Scope

from callflow.inbox import CardUnknownError, Feed
from callflow.web import pages, staff, visit
from callflow.web.body import BodyLimit
from callflow.web.faults import QuietFaults
from callflow.web.gate import Gate
from callflow.web.headers import YEAR, SecurityHeaders
from callflow.web.house import House
from callflow.web.routes import (
    api,
    api_work,
    fhir,
    files,
    flows,
    form,
    house,
    inbox,
    measures,
    outbox,
    programs,
    quality,
    sign_in,
    thread,
    users,
)
from callflow.web.staff import ForbiddenError, ForgedError, NotSignedInError
from callflow.web.visit import GoneError, StaleError

PATIENT_PATHS = ("/form", "/f/")
_ROUTERS = (
    thread,
    form,
    flows,
    files,
    inbox,
    sign_in,
    users,
    outbox,
    programs,
    measures,
    quality,
    house,
    api,
    api_work,
    fhir,
)


class Assets(StaticFiles):
    """Static files; their addresses carry a hash of the content, so browsers may keep them for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, kept for a year."""
        response = await super().get_response(path, scope)
        if response.status_code in {200, 304}:
            response.headers["Cache-Control"] = f"public, {YEAR}, immutable"
        return response


def create_app(house: House) -> FastAPI:
    """Return the application that serves patients, staff and programs of this house."""
    app = FastAPI(
        title="Rufweiche",
        version="1",
        description=api.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=_lifespan,
    )
    app.state.house = house
    app.state.sign_in_limits = sign_in.SignInLimits()
    for part in _ROUTERS:
        app.include_router(part.router)
    app.mount("/static", Assets(directory=pages.STATIC), name="static")
    _answer_faults(app)
    app.add_middleware(Gate, limits=house.limits, calls=house.calls, refuse=_refused)
    app.add_middleware(BodyLimit, refuse=_refused)
    app.add_middleware(QuietFaults, answer=_broken)
    app.add_middleware(SecurityHeaders, https=house.https)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.feed = Feed(cast("House", app.state.house).store)
    yield


def _answer_faults(app: FastAPI) -> None:
    app.add_exception_handler(NotSignedInError, _to_sign_in)
    app.add_exception_handler(GoneError, _gone)
    app.add_exception_handler(StaleError, _stale)
    app.add_exception_handler(ForbiddenError, _forbidden)
    app.add_exception_handler(ForgedError, _forged)
    app.add_exception_handler(CardUnknownError, _unknown_card)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _to_sign_in(request: Request, _error: Exception) -> Response:
    was = "?said=expired" if staff.COOKIE in request.cookies else ""
    if "hx-request" in request.headers:
        # A fragment cannot show the sign-in page: the whole window goes there.
        return Response(status_code=200, headers={"HX-Redirect": f"/sign-in{was}"})
    return staff.go(f"/sign-in{was}")


async def _gone(request: Request, _error: Exception) -> Response:
    return _notice(request, "gone", 404)


async def _stale(request: Request, _error: Exception) -> Response:
    return _notice(request, "stale", 409)


def _notice(request: Request, about: str, status: int) -> Response:
    texts = visit.texts_for(request, staff.house_of(request))
    return visit.show(request, "notice.html", texts, status, about=about)


async def _forbidden(request: Request, _error: Exception) -> Response:
    return _trouble(request, "forbidden", 403)


async def _forged(request: Request, _error: Exception) -> Response:
    return _trouble(request, "stale", 403)


async def _unknown_card(request: Request, _error: Exception) -> Response:
    if request.url.path.startswith(fhir.PATH):
        return fhir.outcome(404, "no such card")
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": "no such card"}, 404)
    return _trouble(request, "card_gone", 404)


async def _http(request: Request, error: Exception) -> Response:
    fault = cast("HTTPException", error)
    if request.url.path.startswith(fhir.PATH):
        told = fhir.outcome(fault.status_code, fault.detail)
        told.headers.update(fault.headers or {})
        return told
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": fault.detail}, fault.status_code, headers=fault.headers)
    page = _trouble(request, "not_found" if fault.status_code == 404 else "stale", fault.status_code)  # noqa: PLR2004
    page.headers.update(fault.headers or {})
    return page


async def _invalid(request: Request, error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        faults = [
            {"loc": list(fault["loc"]), "msg": fault["msg"], "type": fault["type"]}
            for fault in cast("RequestValidationError", error).errors()
        ]
        if request.url.path.startswith(fhir.PATH):
            return fhir.outcome(422, "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults))
        return JSONResponse({"detail": faults}, 422)
    return _trouble(request, "not_found" if request.method == "GET" else "stale", 422)


_REFUSALS = {
    413: ("large", "content too large"),
    429: ("busy", "asked too often"),
    503: ("busy", "busy: calls go first"),
}


def _refused(request: Request, status: int) -> Response:
    path = request.url.path
    about, said = _REFUSALS[status]
    if path.startswith("/api/"):
        return (
            fhir.outcome(status, said)
            if path.startswith(fhir.PATH)
            else JSONResponse({"detail": said}, status)
        )
    return _trouble(request, about, status)


def _broken(request: Request) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": "internal error"}, 500)
    return _trouble(request, "broken", 500)


def _trouble(request: Request, about: str, status: int) -> Response:
    """Tell patients in their language, and everybody else in the staff's."""
    if request.url.path.startswith(PATIENT_PATHS):
        return _notice(request, "gone" if about == "not_found" else about, status)
    texts = staff.texts_for(request)
    return pages.page("trouble.html", texts, status, said=texts(f"error.{about}"))
