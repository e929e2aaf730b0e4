"""Access to the published tables: an API with a page, a PostgreSQL copy, and alerts from the stream."""
