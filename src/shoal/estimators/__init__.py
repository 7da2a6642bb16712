"""scikit-learn's contract: the only floor that knows it."""
