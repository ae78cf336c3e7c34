"""Taking one remote out of a mesh: what would go, what holds it, what is left. Asks one cluster at a time."""
