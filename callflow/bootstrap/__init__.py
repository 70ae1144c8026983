"""The only wiring: settings become processes, and rooms receive what they need."""
