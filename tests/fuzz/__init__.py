"""Broken models, tables, settings and numbers by the thousand; `make fuzz` runs them."""
