"""Athena's API over a Trino server: statements, results, workgroups and metadata."""
