"""Mutation fuzzing of everything that a stranger can send us."""
