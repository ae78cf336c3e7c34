"""Tether ties remote Kubernetes clusters to one external istiod."""
