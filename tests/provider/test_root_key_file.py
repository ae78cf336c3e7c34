"""A root key that is handed out once and not kept."""

import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tether_provider import certificates

from tests.provider.provider_harness import SECRET, SIGNATURE, Plugin, failed, plain, raw

KIND = "CertificateChain"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "root-key.pem"


def handed_out(file: Path, **more: Any) -> dict[str, Any]:
    return {"rootKeyFile": str(file), **more}


def root_of(properties: Any) -> x509.Certificate:
    return x509.load_pem_x509_certificate(plain(properties)["rootCertificate"].encode())


def is_key_of(file: Path, certificate: x509.Certificate) -> bool:
    return load_pem_private_key(file.read_bytes(), None).public_key() == certificate.public_key()


def test_the_key_is_in_the_file_and_nowhere_else(plugin: Plugin, file: Path) -> None:
    created = plugin.create(KIND, handed_out(file))

    assert is_key_of(file, root_of(created.properties))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "rootKey" not in raw(created.properties)
    body = "".join(file.read_text().splitlines()[1:-1])
    assert body not in str(raw(created.properties)).replace("\\n", "")
    assert raw(created.properties)["intermediateKey"][SIGNATURE] == SECRET


def test_without_a_file_the_state_keeps_the_key_and_knows_of_no_file(plugin: Plugin) -> None:
    created = plugin.create(KIND, {})

    assert raw(created.properties)["rootKey"][SIGNATURE] == SECRET
    assert "rootKeyFile" not in raw(created.properties)


@pytest.mark.parametrize("preview", [True, False])
def test_a_file_that_exists_is_never_written_over(plugin: Plugin, file: Path, preview: bool) -> None:
    file.write_text("precious")

    error = failed(lambda: plugin.create(KIND, handed_out(file), preview=preview))

    assert f"{file}, which exists already" in error.details()
    assert "pulumi config set" in error.details()
    assert file.read_text() == "precious"


def test_a_link_to_nowhere_counts_as_existing(plugin: Plugin, file: Path) -> None:
    file.symlink_to(file.parent / "elsewhere")

    assert "exists already" in failed(lambda: plugin.create(KIND, handed_out(file))).details()
    assert not (file.parent / "elsewhere").exists()


@pytest.mark.parametrize("preview", [True, False])
def test_a_folder_that_is_missing_is_not_made(plugin: Plugin, tmp_path: Path, preview: bool) -> None:
    inputs = handed_out(tmp_path / "none" / "k.pem")
    assert "mkdir" in failed(lambda: plugin.create(KIND, inputs, preview=preview)).details()
    assert not (tmp_path / "none").exists()


def test_a_preview_writes_nothing(plugin: Plugin, file: Path) -> None:
    plugin.create(KIND, handed_out(file), preview=True)

    assert not file.exists()


def test_a_path_that_depends_on_a_folder_is_refused(plugin: Plugin) -> None:
    (failure,) = plugin.check(KIND, {"rootKeyFile": "root-key.pem"}).failures
    assert failure.property == "rootKeyFile"


def test_a_new_intermediate_is_signed_with_the_key_in_the_file(plugin: Plugin, file: Path) -> None:
    created = plugin.create(KIND, handed_out(file))

    updated = plugin.update(KIND, created.id, created.properties, handed_out(file, intermediateDays=30))

    assert root_of(updated.properties) == root_of(created.properties)
    assert plain(updated.properties)["intermediateCertificate"] != plain(created.properties)["intermediateCertificate"]
    intermediate = x509.load_pem_x509_certificate(plain(updated.properties)["intermediateCertificate"].encode())
    intermediate.verify_directly_issued_by(root_of(created.properties))
    assert "rootKey" not in raw(updated.properties)


def test_the_file_may_have_moved_and_that_alone_is_no_change(plugin: Plugin, file: Path, tmp_path: Path) -> None:
    created = plugin.create(KIND, handed_out(file))
    moved = file.rename(tmp_path / "safe.pem")

    assert not plugin.diff(KIND, created.properties, handed_out(moved)).diffs
    assert plugin.update(KIND, created.id, created.properties, handed_out(moved, intermediateDays=30))


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), ("nothing", "holds no unencrypted private key"), ("other", "is not that of the root")],
)
def test_without_the_right_file_there_is_no_new_intermediate(
    plugin: Plugin, file: Path, content: str | None, says: str, preview: bool
) -> None:
    created = plugin.create(KIND, handed_out(file))
    file.unlink()
    if content is not None:
        file.write_text(certificates.make_root("ecdsa-p256", 1, "X").key_pem if content == "other" else content)

    change = handed_out(file, intermediateDays=30)
    error = failed(lambda: plugin.update(KIND, created.id, created.properties, change, preview=preview))

    assert says in error.details()
    assert "pulumi config set" in error.details()


def test_while_nothing_is_issued_the_file_need_not_be_there(plugin: Plugin, file: Path) -> None:
    created = plugin.create(KIND, handed_out(file))
    file.unlink()

    assert not plugin.diff(KIND, created.properties, handed_out(file)).diffs
    assert plugin.read(KIND, created.id, created.properties).properties == created.properties


def test_a_kept_key_can_be_handed_out_later_and_nothing_else_changes(plugin: Plugin, file: Path) -> None:
    created = plugin.create(KIND, {})

    difference = plugin.diff(KIND, created.properties, handed_out(file))
    foreseen = plain(plugin.update(KIND, created.id, created.properties, handed_out(file), preview=True).properties)
    updated = plain(plugin.update(KIND, created.id, created.properties, handed_out(file)).properties)

    before = plain(created.properties)
    assert list(difference.diffs) == ["rootKeyFile"]
    assert not difference.replaces
    assert file.read_text() == before.pop("rootKey")
    assert "rootKey" not in updated
    for key, value in before.items():
        assert updated[key] == value, key
        assert foreseen[key] == value, key


def test_a_key_that_was_handed_out_can_be_taken_back(plugin: Plugin, file: Path) -> None:
    created = plugin.create(KIND, handed_out(file))

    taken = plugin.update(KIND, created.id, created.properties, {})

    assert plain(taken.properties)["rootKey"] == file.read_text()
    assert raw(taken.properties)["rootKey"][SIGNATURE] == SECRET
    assert plain(taken.properties)["intermediateCertificate"] == plain(created.properties)["intermediateCertificate"]


def test_the_file_outlives_the_authority(plugin: Plugin, file: Path) -> None:
    created = plugin.create(KIND, handed_out(file))

    plugin.delete(KIND, created.id, created.properties)

    assert file.exists()
