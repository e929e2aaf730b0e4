"""An AWS on 127.0.0.1 whose Athena is a real Trino. A package of its own: it imports nothing from the project."""
