"""Scenarios that measure one machine against itself: ratios, not seconds, are what counts."""
