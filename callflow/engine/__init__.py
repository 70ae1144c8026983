"""The engine: `(flow, state, event) -> (state, effects)`, pure and total."""

from callflow.engine.step import begin, step

__all__ = ["begin", "step"]
