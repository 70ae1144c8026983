"""Who is who: known people and callers."""

from callflow.directory.caller import Recognition, earlier_calls
from callflow.directory.people import Entry, everyone, find, forget, put

__all__ = ["Entry", "Recognition", "earlier_calls", "everyone", "find", "forget", "put"]
