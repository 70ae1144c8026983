"""Configuration for the PBX and SBC side, rendered from the number plan."""
