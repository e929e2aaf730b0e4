"""Runs the warehouse: build with dbt, test, and only then move what readers see."""
