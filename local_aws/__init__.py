"""A local AWS on 127.0.0.1 whose Athena runs on a real Trino. It imports nothing from the project around it."""
