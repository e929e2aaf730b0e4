"""Vendors: each module parses one vendor's responses into typed outcomes."""
