"""How a score comes about: curves, standard criteria, customers' rules, and the arithmetic of points."""
