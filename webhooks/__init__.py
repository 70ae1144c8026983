"""Machine-to-machine HTTP: voice webhooks, SMS receipts, outgoing events."""
