"""Guardrails for meshes, as policies that the Pulumi engine asks."""
