"""Ways to break a mesh, at least one for each check of the doctor."""

from tests.e2e.breaking import before, data, inject, link
from tests.e2e.breaking.lab import PRIMARY, REMOTE, Breakage, Lab, Way

BREAKAGES = (*before.BREAKAGES, *link.BREAKAGES, *inject.BREAKAGES, *data.BREAKAGES)
NOT_ON_KIND = {
    "D02": "kubeadm of this Kubernetes makes no older API server; unit: D02 Kubernetes is too old",
    "D05": "only one istiod is built here, and it is none of the bad ones; unit: D05 istiod is known to be bad",
    "D29": "a workload with a certificate of another root must outlive istiod's own root, which takes a new mesh; "
    "unit: D29 a workload has a certificate of another root, D29 a workload is of another trust domain",
}
"""Checks that no breakage proves on a real mesh: why, and which cases of tests/unit/doctor/cases.py prove them."""

__all__ = ["BREAKAGES", "NOT_ON_KIND", "PRIMARY", "REMOTE", "Breakage", "Lab", "Way"]
