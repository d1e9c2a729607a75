"""The lending domain: frozen values and pure functions."""
