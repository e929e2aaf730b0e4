"""The copy of the published tables in PostgreSQL, Supabase included: `python -m serving.publish --help`."""
