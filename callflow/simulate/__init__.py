"""Calls in the terminal: walk through a flow, run all golden calls, replay a recorded call."""
