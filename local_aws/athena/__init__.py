"""Athena's API on a Trino server: statements, results, workgroups and metadata."""
