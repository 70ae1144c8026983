"""Rufweiche: call deflection for medical practices."""
