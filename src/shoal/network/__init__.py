"""The mathematics: ten equations, with NumPy and SciPy alone."""
