"""The deployment: one template, and the commands that deploy, verify and remove it."""
