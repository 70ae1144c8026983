"""Form links: `link` makes and opens them, `form` takes what is sent, `fallback` is for those never used."""
