"""Vendors: each module turns one vendor's answers into typed outcomes."""
