"""A fresh database for each test."""

from tests.support.fixtures import clock, store

__all__ = ["clock", "store"]
