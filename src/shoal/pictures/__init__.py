"""Pictures of trainings, in the manner of scikit-learn's displays; matplotlib only when used."""
