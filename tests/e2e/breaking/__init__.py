"""Ways to break a real mesh, in the order in which a mesh comes to be."""
