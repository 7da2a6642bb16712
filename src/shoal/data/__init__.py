"""From a table to blocks of numbers."""
