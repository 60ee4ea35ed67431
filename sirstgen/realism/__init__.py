"""How like real frames a dataset is, and what a recipe must draw to be like them."""
