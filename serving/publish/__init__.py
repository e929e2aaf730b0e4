"""Copies the published tables to PostgreSQL (Supabase included): `python -m serving.publish --help`."""
