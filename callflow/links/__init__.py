"""Form links: `link` makes and opens them, `form` takes what is sent, `fallback` is for those never used."""

from callflow.links import fallback, form, link

__all__ = ["fallback", "form", "link"]
