"""Benchmarks: figures as ratios against a named peer of the same run, never asserted in a test."""
