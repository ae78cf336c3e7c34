import datetime
import ssl
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.authority.making import NOW, RSA_2048, Made, chain, key_pem, make, material
from tether.authority import pem
from tether.authority.forms import Material, Part
from tether.authority.judging import judge


def complaints(looked_at: Material, now: datetime.datetime = NOW) -> list[tuple[Part, str]]:
    return [(one.part, one.wrong) for one in judge(looked_at, now).complaints]


def only(looked_at: Material) -> tuple[Part, str]:
    (found,) = complaints(looked_at)
    return found


@pytest.fixture(scope="module")
def two() -> list[Made]:
    return chain(2, path_length=0)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_a_chain_of_any_length_that_verifies_is_taken(length: int) -> None:
    made = chain(length)
    judgement = judge(material(made), NOW)
    assert not judgement.complaints
    assert list(judgement.path) == [one.certificate for one in made]


@pytest.mark.parametrize(
    "key",
    [RSA_2048, ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())],
    ids=["rsa-2048", "p-256", "p-384"],
)
@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8], ids=["own form", "pkcs8"])
def test_the_keys_that_istio_knows_are_taken_in_both_forms(key: Any, form: PrivateFormat) -> None:
    made = chain(2, key=key)
    assert not complaints(material(made, ca_key=key_pem(key, form=form)))


@pytest.mark.parametrize(
    ("key", "named"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        (rsa.generate_private_key(public_exponent=65537, key_size=1024), "1024 bits"),  # noqa: S505 - the weak one
    ],
)
def test_other_keys_are_refused_in_certificate_and_key(key: Any, named: str) -> None:
    found = complaints(material(chain(2, key=key), ca_key=key_pem(key, form=PrivateFormat.PKCS8)))
    assert [part for part, _ in found] == [Part.CA_KEY, Part.CA_CERT]
    assert all(named in wrong for _, wrong in found)


def test_a_key_of_another_certificate_is_refused(two: list[Made]) -> None:
    assert only(material(two, ca_key=two[1].key_pem)) == (Part.CA_KEY, "is not the key of caCert")


def test_a_key_that_cannot_be_seen_is_not_judged(two: list[Made]) -> None:
    assert not complaints(material(two, ca_key=None))


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_an_encrypted_key_is_refused_with_the_command_that_decrypts_it(two: list[Made], form: PrivateFormat) -> None:
    (found,) = judge(material(two, ca_key=key_pem(two[0].key, passphrase="open sesame", form=form)), NOW).complaints
    assert (found.part, found.wrong) == (Part.CA_KEY, "is encrypted")
    assert found.remedy.startswith("openssl pkey ")


def test_parameters_before_the_key_are_refused_because_istiod_reads_the_first_block_only(two: list[Made]) -> None:
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    part, wrong = only(material(two, ca_key=parameters + two[0].key_pem))
    assert part is Part.CA_KEY
    assert "EC PARAMETERS" in wrong


@pytest.mark.parametrize("part", list(Part))
@pytest.mark.parametrize("place", ["before", "after", "one line", "empty"])
def test_a_text_that_is_not_pem_alone_is_refused(part: Part, place: str) -> None:
    made = chain(3)
    field = {Part.CA_CERT: "ca_cert", Part.CA_KEY: "ca_key", Part.ROOT_CERT: "root_cert", Part.CERT_CHAIN: "cert_chain"}
    good = material(made)
    text = getattr(good, field[part])
    spoilt = {
        "before": f"subject=CN = CA\n{text}",
        "after": f"{text}that was it",
        "one line": text.replace("\n", " "),
        "empty": " \n ",
    }[place]
    assert part in {where for where, _ in complaints(Material(**{**vars(good), field[part]: spoilt}))}


def test_line_ends_of_another_system_and_space_around_are_no_rubbish(two: list[Made]) -> None:
    good = material(two)
    assert not complaints(
        Material(
            ca_cert="\n" + good.ca_cert.replace("\n", "\r\n"), ca_key=str(good.ca_key).rstrip(),
            root_cert=good.root_cert.rstrip() + "\n\n",
        )
    )  # fmt: skip


def test_a_private_key_among_what_every_workload_gets_is_refused(two: list[Made]) -> None:
    part, wrong = only(material(two, root_cert=two[1].pem + two[1].key_pem))
    assert part is Part.ROOT_CERT
    assert "PRIVATE KEY" in wrong
    assert two[1].key_pem.splitlines()[1] not in wrong


def test_a_certificate_with_a_broken_body_is_refused(two: list[Made]) -> None:
    lines = two[0].pem.splitlines(keepends=True)
    assert only(material(two, ca_cert="".join([*lines[:2], *lines[3:]])))[0] is Part.CA_CERT


def test_two_signing_certificates_are_refused(two: list[Made]) -> None:
    assert "2 certificates" in only(material(two, ca_cert=two[0].pem + two[1].pem))[1]


def test_a_missing_link_is_named_with_what_it_should_have_signed() -> None:
    made = chain(3)
    part, wrong = only(material(made, cert_chain=""))
    assert part is Part.ROOT_CERT
    assert made[1].certificate.subject.rfc4514_string() in wrong


def test_a_root_of_the_same_name_with_another_key_is_no_root() -> None:
    part, wrong = only(material(chain(2), root_cert=make().pem))
    assert part is Part.ROOT_CERT
    assert "does not lead" in wrong


def test_links_may_come_in_any_order_and_with_root_and_signer_among_them() -> None:
    made = chain(4)
    judgement = judge(material(made, cert_chain="".join(one.pem for one in reversed(made))), NOW)
    assert not judgement.complaints
    assert list(judgement.path) == [one.certificate for one in made]


def test_the_root_may_be_one_of_several(two: list[Made]) -> None:
    assert not complaints(material(two, root_cert=make("Other").pem + two[1].pem))


def test_of_two_ways_to_the_roots_one_good_one_is_enough() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = make("Root CA", key=key, days=-1, since=-9), make("Root CA", key=key)
    signer = make("CA", new)
    assert not complaints(Material(ca_cert=signer.pem, ca_key=signer.key_pem, root_cert=old.pem + new.pem)), (
        "the old root has ended, the new one has not"
    )


@pytest.mark.parametrize("ca", [False, None])
def test_a_leaf_certificate_cannot_sign(ca: bool | None) -> None:
    part, wrong = only(material(chain(2, ca=ca)))
    assert part is Part.CA_CERT
    assert "CA:TRUE is missing" in wrong


@pytest.mark.parametrize("sign", [False, None])
def test_a_signing_certificate_must_say_that_it_signs(sign: bool | None) -> None:
    assert "keyCertSign" in only(material(chain(2, sign=sign)))[1]


def test_an_old_root_without_key_usage_is_taken_and_one_that_denies_signing_is_not() -> None:
    for sign, count in ((None, 0), (False, 1)):
        root = make(sign=sign)
        assert len(complaints(material([make("CA", root), root]))) == count


@pytest.mark.parametrize(("allowed", "fits"), [(0, False), (1, True), (None, True)])
def test_a_root_s_path_length_counts_the_authorities_below(allowed: int | None, fits: bool) -> None:
    root = make(path_length=allowed)
    found = complaints(material([make("CA", root, path_length=0), root]))
    assert not found if fits else [part for part, _ in found] == [Part.ROOT_CERT]


def test_a_root_that_signs_itself_needs_no_path_length() -> None:
    root = make(path_length=0)
    assert not complaints(material([root]))


def test_extended_key_usages_must_hold_for_what_is_signed() -> None:
    server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    for usages, count in (((server,), 1), ((client,), 1), ((server, client), 0),
                          ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), 0)):  # fmt: skip
        assert len(complaints(material(chain(2, usages=usages)))) == count


@pytest.mark.parametrize(
    ("since", "days", "says"),
    [(-10, -1, "ended at"), (-10, 0.5, "ends within a day"), (1, 100, "is not valid before"), (-10, 1.01, "")],
)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_every_certificate_of_the_way_must_be_valid_for_a_day(index: int, since: float, days: float, says: str) -> None:
    dates: list[dict[str, Any]] = [{}, {}, {}]
    dates[index] = {"since": since, "days": days}
    root = make("Root CA", **dates[2])
    between = make("Between", root, **dates[1])
    found = complaints(material([make("CA", between, **dates[0]), between, root]))
    if not says:
        assert not found
        return
    ((part, wrong),) = found
    assert part is [Part.CA_CERT, Part.CERT_CHAIN, Part.ROOT_CERT][index]
    assert says in wrong


def test_all_that_is_wrong_is_said_at_once() -> None:
    root = make(path_length=0, days=0.1)
    signer = make("CA", root, sign=False, days=-1, since=-2)
    found = complaints(material([signer, root], ca_key=root.key_pem))
    assert [part for part, _ in found] == [Part.CA_KEY, Part.CA_CERT, Part.CA_CERT, Part.ROOT_CERT, Part.ROOT_CERT]


@given(st.text(max_size=200), st.sampled_from(list(Part)))
def test_any_text_is_judged_and_never_taken(text: str, part: Part) -> None:
    made = [_ROOT]
    field = {Part.CA_CERT: "ca_cert", Part.CA_KEY: "ca_key", Part.ROOT_CERT: "root_cert", Part.CERT_CHAIN: "cert_chain"}
    found = complaints(material(made, **{field[part]: text}))
    assert found or (part is Part.CERT_CHAIN and not text)


@given(st.data())
@settings(max_examples=150)
def test_a_certificate_with_one_changed_byte_is_never_taken(data: st.DataObject) -> None:
    der = bytearray(_SIGNER.certificate.public_bytes(Encoding.DER))
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= data.draw(st.integers(1, 255))
    text = ssl.DER_cert_to_PEM_cert(bytes(der))
    assert text != pem.to_pem(_SIGNER.certificate)
    assert complaints(material([_SIGNER, _ROOT], ca_cert=text))


@given(st.integers(1, 4), st.integers(0, 3), st.data())
@settings(max_examples=30)
def test_path_lengths_are_taken_exactly_if_they_leave_room(length: int, allowed: int, data: st.DataObject) -> None:
    """The way has ``length`` authorities above the signing one; one of them limits what may follow."""
    limited = data.draw(st.integers(0, length - 1))
    made = [make("Root", path_length=allowed if limited == length - 1 else None)]
    for index in reversed(range(length)):
        made.insert(0, make(f"CA {index}", made[0], path_length=allowed if index - 1 == limited else None))
    fits = allowed >= limited + 1
    assert (not complaints(material(made))) == fits


def test_texts_are_made_normal_without_a_change_to_the_certificates(two: list[Made]) -> None:
    spread = "\r\n".join(["", *(two[0].pem + two[1].pem).splitlines(), "", ""])
    assert pem.normal(spread) == two[0].pem + two[1].pem
    with pytest.raises(ValueError, match="PEM"):
        pem.normal("nothing")


_ROOT = make()
_SIGNER = make("CA", _ROOT)
