"""The loop: epochs until the network has learnt, and what is remembered of them."""
