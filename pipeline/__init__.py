"""Runs the warehouse: build with dbt, test, and publish only what passed."""
