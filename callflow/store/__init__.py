"""Tables, transactions and migrations."""

from callflow.store.calls import Call, CallEvent, CallStep
from callflow.store.cards import Card, CardEvent, Change
from callflow.store.changes import announce
from callflow.store.database import DatabaseFileError, Store, Tx, WrongKeyError, sqlite_version
from callflow.store.intents import Attempt, Endpoint, Intent
from callflow.store.links import Attachment, Link, Message, Submission
from callflow.store.people import Fact, Person
from callflow.store.row import new_id, place, sealer_of
from callflow.store.users import ApiToken, Invitation, User, WebSession

__all__ = [
    "ApiToken",
    "Attachment",
    "Attempt",
    "Call",
    "CallEvent",
    "CallStep",
    "Card",
    "CardEvent",
    "Change",
    "DatabaseFileError",
    "Endpoint",
    "Fact",
    "Intent",
    "Invitation",
    "Link",
    "Message",
    "Person",
    "Store",
    "Submission",
    "Tx",
    "User",
    "WebSession",
    "WrongKeyError",
    "announce",
    "new_id",
    "place",
    "sealer_of",
    "sqlite_version",
]
