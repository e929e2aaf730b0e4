"""A read-only HTTP API over the published tables, with a page (`make serve`)."""
