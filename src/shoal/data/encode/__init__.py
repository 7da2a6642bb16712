"""From an Arrow table to a matrix: what is learnt of each column, and how it is applied."""
