"""The authority that signs for the mesh: what it is made of, and whether it is fit for istiod."""
