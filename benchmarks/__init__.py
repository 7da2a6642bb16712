"""Benchmarks of shoal against its peers: see README.md beside this file."""
