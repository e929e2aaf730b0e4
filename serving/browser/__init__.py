"""The page in a real, headless Chromium: its tests (`make test-browser`) and the README's picture (`make screenshot`)."""
