"""Reads the published tables for people and programs: an API with a page, a PostgreSQL copy, alerts from the stream."""
