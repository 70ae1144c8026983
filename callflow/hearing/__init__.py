"""Speech back to words: optional, with a model that the operator supplies, in a process of its own."""
