"""Schema migrations, run at start."""
