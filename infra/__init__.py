"""The deployment: one template, and what makes, checks and removes it."""
