"""Where lines go: every sink lands the same lines under the same partition prefix."""
