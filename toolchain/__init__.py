"""Gets every real part that a mesh is made of: installed, released, or built from packages."""
