"""Proof that requests cross a mesh: Istio's echo application in every cluster, asked from every cluster."""
