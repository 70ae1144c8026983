"""The sound of all calls: one engine, one clock, RTP in and out."""
