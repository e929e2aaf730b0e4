"""The thin loader: fetch vendor bars, check their shape, stamp them, and hand the lines to a sink."""
