"""A read-only HTTP API over the published tables, and the page that it serves (`make serve`)."""
