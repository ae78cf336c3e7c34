"""Istio's own integration tests on a mesh that Tether made, and the doctor beside ``istioctl``."""
