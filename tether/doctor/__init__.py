"""Says why a remote cannot authenticate: checks, what they depend on, and what they found."""
