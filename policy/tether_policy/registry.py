"""Every policy of the pack, in the order of the reference page."""

from tether_policy.exposure import GATEWAY_SOURCE_RANGES, ISTIOD_BY_NAME
from tether_policy.lifetimes import CA_LIFETIME, REMOTE_CREDENTIAL_LIFETIME
from tether_policy.mtls import STRICT_MTLS
from tether_policy.naming import NAMES_AND_LABELS
from tether_policy.protection import PROTECTED_MESH
from tether_policy.secrets import NO_PLAINTEXT_SECRET
from tether_policy.versions import KNOWN_BAD_VERSIONS

POLICIES = (
    ISTIOD_BY_NAME,
    GATEWAY_SOURCE_RANGES,
    CA_LIFETIME,
    REMOTE_CREDENTIAL_LIFETIME,
    KNOWN_BAD_VERSIONS,
    NO_PLAINTEXT_SECRET,
    STRICT_MTLS,
    PROTECTED_MESH,
    NAMES_AND_LABELS,
)
