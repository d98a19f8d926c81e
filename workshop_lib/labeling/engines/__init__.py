"""Engines: what can answer a request."""
