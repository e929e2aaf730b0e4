"""A headless Chromium for the page's tests, the README's picture and the dashboards' pictures.

It runs in an environment of its own (.venv-browser: playwright and pytest), so nothing here imports the project.
"""
