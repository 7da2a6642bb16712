"""The page that `shoal train … --report FILE` writes: one file, no network, no script."""
