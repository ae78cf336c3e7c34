"""The bytes are those that istio/api and envoy/api describe: tag, length, content (protobuf encoding)."""

import pytest
from google.protobuf import struct_pb2

from tether.trace import messages


def test_a_certificate_request_is_encoded_as_the_service_reads_it() -> None:
    assert messages.certificate_request("abc", 600) == b"\x0a\x03abc" + b"\x18\xd8\x04"


def test_a_certificate_chain_is_read_leaf_first() -> None:
    assert messages.certificate_chain(b"\x0a\x04leaf\x0a\x04root") == ("leaf", "root")


def test_a_stream_is_opened_with_the_node_and_the_type() -> None:
    node = b"\x0a\x01n" + b"\x1a" + bytes([len(metadata())]) + metadata()

    assert messages.first_request("n", {"NAMESPACE": "a"}, "T") == b"\x0a" + bytes([len(node)]) + node + b"\x12\x01T"


def metadata() -> bytes:
    found = struct_pb2.Struct()
    found.update({"NAMESPACE": "a"})
    return found.SerializeToString()


def test_a_response_is_acknowledged_by_its_nonce() -> None:
    assert messages.acknowledgement("T", "7") == b"\x12\x01T" + b"\x32\x017"


def test_resources_of_a_response_are_read_by_name() -> None:
    resource = b"\x0a\x01v" + b"\x1a\x03one"

    found = messages.resources(b"\x12" + bytes([len(resource)]) + resource + b"\x22\x01T" + b"\x2a\x017")

    assert ([one.name for one in found.resources], found.nonce) == (["one"], "7")


def test_fields_that_are_not_named_here_do_no_harm() -> None:
    assert messages.certificate_chain(b"\x0a\x04leaf\x82\x01\x01x") == ("leaf",)


def test_what_is_no_message_is_an_error() -> None:
    with pytest.raises(Exception, match="parsing"):
        messages.certificate_chain(b"\x0a\xff")
