"""How long Tether takes, beside the documented sequence on the same machine."""
