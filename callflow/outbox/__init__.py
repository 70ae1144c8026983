"""The outbox: intents written with their cause, sent after the commit, at most once."""
