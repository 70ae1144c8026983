"""Prompts: template and values -> text as it is spoken -> speech -> A-law clips in a cache."""
