"""Measurements that are repeated, with the numbers they are held to."""
