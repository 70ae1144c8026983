"""The team: who may sign in; only the managing person comes here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from callflow.numbers import written
from callflow.store import Tx, User
from callflow.users import account, invitation
from callflow.users.account import AccountError
from callflow.users.session import sign_out_everywhere
from callflow.web.catalogue import STAFF_LANGUAGES
from callflow.web.house import House
from callflow.web.staff import (
    AdminDep,
    ForbiddenError,
    GuardedAdminDep,
    GuardedDep,
    HouseDep,
    Staff,
    StaffDep,
    go,
    remember_language,
    show,
)

router = APIRouter(prefix="/users", include_in_schema=False)
_ROLES: tuple[account.Role, ...] = ("staff", "admin")
_LOGIN = re.compile(r"[a-z0-9.\-]{2,40}")
_NOTHING: Mapping[str, str] = {"name": "", "login": "", "role": "staff"}


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """A fresh one-time link, shown once."""

    name: str
    address: str


@router.get("")
async def team(request: Request, staff: AdminDep, house: HouseDep) -> Response:
    """Show the team."""
    return await _page(request, staff, house)


@router.post("")
async def add(  # noqa: PLR0913  a form's fields
    request: Request,
    staff: GuardedAdminDep,
    house: HouseDep,
    *,
    name: Annotated[str, Form(max_length=80)] = "",
    login: Annotated[str, Form(max_length=80)] = "",
    role: Annotated[Literal["staff", "admin"], Form()] = "staff",
) -> Response:
    """Add a person and show the link to set a password."""
    given = {"name": name.strip(), "login": login.strip().casefold(), "role": role}
    fault = _fault(given)
    if fault:
        return await _page(request, staff, house, fault=staff.texts(fault), given=given, status=422)
    now = house.clock()

    def work(tx: Tx) -> str:
        user = account.create(tx, login=given["login"], name=given["name"], role=role, now=now)
        return invitation.invite(tx, user.id, now=now)

    try:
        token = await house.store.write(work)
    except AccountError:
        return await _page(request, staff, house, fault=staff.texts("users.taken"), given=given, status=409)
    return await _page(
        request, staff, house, link=PasswordLink(given["name"], _address(house.public_url, token))
    )


@router.get("/{user_id}")
async def show_person(request: Request, staff: StaffDep, house: HouseDep, user_id: str) -> Response:
    """Show one person's facts: to the managing person, and one's own."""
    user = await _person(house, staff, user_id)
    return _person_page(request, staff, user, _facts(user))


@router.post("/{user_id}")
async def change(  # noqa: PLR0913  a form's fields
    request: Request,
    staff: GuardedDep,
    house: HouseDep,
    user_id: str,
    *,
    name: Annotated[str, Form(max_length=80)] = "",
    role: Annotated[Literal["staff", "admin"], Form()] = "staff",
    language: Annotated[str, Form(max_length=2)] = "de",
    device: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Change a person's facts; name and role are changed by the managing person alone."""
    user = await _person(house, staff, user_id)
    given = {"name": name.strip(), "role": role, "language": language, "device": device.strip()}
    if not staff.admin:
        given |= {"name": user.name, "role": user.role}
    spoken = language if language in STAFF_LANGUAGES else "de"
    if not given["name"]:
        return _person_page(request, staff, user, given, "users.no_label")
    try:
        telephone = account.own_device(device)
    except AccountError:
        return _person_page(request, staff, user, given, "users.bad_device")
    wanted = cast("account.Role", given["role"])

    person = account.Person(given["name"], wanted, spoken, telephone)
    try:
        await house.store.write(lambda tx: account.change(tx, user_id, person))
    except AccountError:
        return _person_page(request, staff, user, given, "users.last_admin")
    answer = go("/users?said=changed" if staff.admin else f"/users/{user_id}?said=changed")
    if user_id == staff.user.id:
        remember_language(answer, spoken, house)
    return answer


@router.post("/{user_id}/invite")
async def invite(request: Request, staff: GuardedAdminDep, house: HouseDep, user_id: str) -> Response:
    """Make a new one-time link; older ones of the person end."""
    now = house.clock()

    def work(tx: Tx) -> tuple[str, str] | None:
        user = tx.get(User, user_id)
        return (user.name, invitation.invite(tx, user.id, now=now)) if user else None

    made = await house.store.write(work)
    if made is None:
        return go("/users")
    name, token = made
    return await _page(request, staff, house, link=PasswordLink(name, _address(house.public_url, token)))


@router.post("/{user_id}/lock")
async def lock(request: Request, staff: GuardedAdminDep, house: HouseDep, user_id: str) -> Response:
    """Lock an account and end its sessions."""
    if user_id == staff.user.id:
        return await _page(request, staff, house, fault=staff.texts("users.self"), status=409)
    await house.store.write(lambda tx: _set_active(tx, user_id, active=False))
    return go("/users")


@router.post("/{user_id}/unlock")
async def unlock(_staff: GuardedAdminDep, house: HouseDep, user_id: str) -> Response:
    """Unlock an account."""
    await house.store.write(lambda tx: _set_active(tx, user_id, active=True))
    return go("/users")


async def _person(house: House, staff: Staff, user_id: str) -> User:
    if not staff.admin and user_id != staff.user.id:
        raise ForbiddenError
    user = await house.store.read(lambda tx: tx.get(User, user_id))
    if user is None:
        raise HTTPException(404)
    return user


def _facts(user: User) -> Mapping[str, str]:
    device = written(user.device) if user.device.startswith("+") else user.device
    return {"name": user.name, "role": user.role, "language": user.language, "device": device}


def _person_page(
    request: Request, staff: Staff, user: User, given: Mapping[str, str], fault: str = ""
) -> Response:
    return show(
        request,
        "person.html",
        staff,
        422 if fault else 200,
        user=user,
        given=given,
        roles=_ROLES,
        fault=staff.texts(fault) if fault else "",
        changed="said" in request.query_params,
    )


def _set_active(tx: Tx, user_id: str, *, active: bool) -> None:
    user = tx.get(User, user_id)
    if user is None:
        return
    user.active = active
    if not active:
        sign_out_everywhere(tx, user_id)


def _fault(given: Mapping[str, str]) -> str:
    if not given["name"]:
        return "users.no_label"
    return "" if _LOGIN.fullmatch(given["login"]) else "users.bad_name"


def _address(public_url: str, token: str) -> str:
    return f"{public_url}/set-password/{token}"


async def _page(  # noqa: PLR0913  what the page says
    request: Request,
    staff: Staff,
    house: HouseDep,
    *,
    fault: str = "",
    link: PasswordLink | None = None,
    given: Mapping[str, str] = _NOTHING,
    status: int = 200,
) -> Response:
    users = await house.store.read(account.everyone)
    changed = "said" in request.query_params and not fault
    return show(
        request,
        "users.html",
        staff,
        status,
        users=users,
        fault=fault,
        link=link,
        given=given,
        changed=changed,
    )
