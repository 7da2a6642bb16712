"""The commands, one in each file: what they do with an order. None imports another's caller."""
