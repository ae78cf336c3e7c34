"""Settings in, a mesh declared, its endpoints out."""

import pulumi

from components.from_settings import mesh_args
from components.mesh import Mesh
from components.protection import protected
from tether import parts, settings, stack_readme, standing, topology
from tether.compatibility import program

chosen = settings.of_stack()
plan = topology.plan(chosen)
used = parts.read()
standing.check(chosen, used.images.node)
program.check(chosen, plan, used)

mesh = Mesh("mesh", mesh_args(chosen, plan, used), protected() if chosen.protect else None)

about = pulumi.Output.from_input(
    {
        "meshId": plan.mesh_id,
        "trustDomain": plan.trust_domain,
        **({"revision": plan.revision.name} if plan.revision.name else {}),
        "rootCertificateFingerprint": mesh.authority.root_fingerprint,
        "rootCertificateExpiry": mesh.authority.root_expiry,
        "intermediateCertificateFingerprint": mesh.authority.intermediate_fingerprint,
        "intermediateCertificateExpiry": mesh.authority.intermediate_expiry,
        "certificateAuthority": chosen.certificate_authority.source.value,
        "istioVersion": used.istio_version,
        "envoyVersion": used.envoy_version,
        "dataPlane": used.data_plane,
        "source": used.source,
    }
)
pulumi.export("endpoints", mesh.endpoints)
pulumi.export("clusters", [cluster.name for cluster in plan.clusters])
pulumi.export("mesh", about)
pulumi.export("credentials", mesh.credentials)
pulumi.export("verification", mesh.verification)
pulumi.export("kubeconfigs", mesh.kubeconfigs)
pulumi.export("readme", pulumi.Output.all(mesh.endpoints, about).apply(lambda known: stack_readme.render(*known)))
