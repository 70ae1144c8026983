"""The team: who may sign in; only the managing person comes here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from callflow.store import Tx, User
from callflow.users import account, invitation
from callflow.users.account import AccountError
from callflow.users.session import sign_out_everywhere
from callflow.web.staff import AdminDep, GuardedAdminDep, HouseDep, Staff, go, show

router = APIRouter(prefix="/users", include_in_schema=False)
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
    return show(request, "users.html", staff, status, users=users, fault=fault, link=link, given=given)
