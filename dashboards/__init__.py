"""Dashboards as code: each card is defined once, and rendered for Grafana, Metabase, Superset and Power BI."""
