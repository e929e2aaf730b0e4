"""Translation of Athena's statements into plans for Trino and Glue: no input, no output, no server."""
