"""Pulumi resource provider of Tether: kind clusters, CA material, readiness gates, verification."""
