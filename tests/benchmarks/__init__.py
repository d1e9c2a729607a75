"""Benchmarks: `python3 main.py bench NAME` prints ours beside the limit that was measured in the same run."""
