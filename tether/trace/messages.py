"""The protobuf messages that a proxy exchanges with istiod, as far as a trace speaks them.

Two services with a handful of fields each. Their descriptors are written down here as tables, so that
nothing is generated and no copy of istio/api and envoy/api is carried along; fields that are not named
stay in the message as unknown ones. Sources: istio/api security/v1alpha1/ca.proto; envoy/api
envoy/service/discovery/v3/discovery.proto and envoy/config/core/v3/base.proto.
"""

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, struct_pb2
from google.protobuf.message import Message

CREATE_CERTIFICATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
DELTA_RESOURCES = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"

_STRUCT = ".google.protobuf.Struct"
_ANY = ".google.protobuf.Any"
_PACKAGE = "tether.trace"
# Names of messages do not go over the wire; numbers and kinds do.
_TABLES: dict[str, tuple[tuple[int, str, str], ...]] = {
    "CertificateRequest": ((1, "csr", "string"), (3, "validity_duration", "int64"), (4, "metadata", _STRUCT)),
    "CertificateResponse": ((1, "cert_chain", "string*"),),
    "Node": ((1, "id", "string"), (2, "cluster", "string"), (3, "metadata", _STRUCT)),
    "Resource": ((1, "version", "string"), (2, "resource", _ANY), (3, "name", "string")),
    "DeltaRequest": (
        (1, "node", f".{_PACKAGE}.Node"), (2, "type_url", "string"), (3, "resource_names_subscribe", "string*"),
        (6, "response_nonce", "string"),
    ),
    "DeltaResponse": (
        (1, "system_version_info", "string"), (2, "resources", f".{_PACKAGE}.Resource*"), (4, "type_url", "string"),
        (5, "nonce", "string"), (6, "removed_resources", "string*"),
    ),
}  # fmt: skip
_KINDS = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
}


def _classes() -> dict[str, type[Message]]:
    pool = descriptor_pool.DescriptorPool()
    for known in (struct_pb2, any_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="tether/trace.proto", package=_PACKAGE, syntax="proto3",
        dependency=[struct_pb2.DESCRIPTOR.name, any_pb2.DESCRIPTOR.name],
    )  # fmt: skip
    for name, fields in _TABLES.items():
        message = file.message_type.add(name=name)
        for number, field, kind in fields:
            entry = message.field.add(name=field, number=number, json_name=field)
            bare = kind.removesuffix("*")
            repeated = bare != kind
            entry.label = entry.LABEL_REPEATED if repeated else entry.LABEL_OPTIONAL
            if bare in _KINDS:
                entry.type = _KINDS[bare]
            else:
                entry.type, entry.type_name = entry.TYPE_MESSAGE, bare
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _TABLES}


_CLASSES = _classes()


def certificate_request(csr: str, seconds: int) -> bytes:
    """Ask for a certificate.

    Args:
        csr: signing request, PEM.
        seconds: how long the certificate is to be valid.
    """
    return _CLASSES["CertificateRequest"](csr=csr, validity_duration=seconds).SerializeToString()


def certificate_chain(answer: bytes) -> tuple[str, ...]:
    """Certificates of the answer, PEM: leaf first, root last."""
    return tuple(_read("CertificateResponse", answer).cert_chain)


def first_request(node_id: str, metadata: dict[str, str], type_url: str) -> bytes:
    """Open a stream: who the proxy is, and that it wants every resource of a type."""
    request: Any = _CLASSES["DeltaRequest"](type_url=type_url)
    request.node.id = node_id
    request.node.metadata.update(metadata)
    return request.SerializeToString()


def acknowledgement(type_url: str, nonce: str) -> bytes:
    """Accept a response, as Envoy does."""
    return _CLASSES["DeltaRequest"](type_url=type_url, response_nonce=nonce).SerializeToString()


def resources(answer: bytes) -> Any:
    """A response of the stream: ``resources`` with ``name``, and ``nonce``."""
    return _read("DeltaResponse", answer)


def _read(name: str, answer: bytes) -> Any:
    message = _CLASSES[name]()
    message.ParseFromString(answer)
    return message
