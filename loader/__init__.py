"""The loader: fetch vendor bars, check their shape, add lineage, and deliver the lines to a sink."""
