"""What is said about certificateAuthority, before anything is created."""

import datetime
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.authority.making import Made, chain, key_pem, make
from tether.errors import Problem, SettingsError
from tether.redact import HIDDEN
from tether.settings import AuthoritySource, Settings, authority, read
from tether.settings.base import pem_text

NOW = datetime.datetime.now(datetime.UTC)
PREFIX = "tether:certificateAuthority."


def asked(folder: Path | None = None, **values: Any) -> Settings:
    return read({"tether:certificateAuthority": json.dumps(values)}, folder=folder)


def problems(folder: Path | None = None, **values: Any) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as caught:
        asked(folder, **values)
    return {problem.subject.removeprefix(PREFIX): problem for problem in caught.value.problems}


def provided(made: list[Made], **changes: Any) -> dict[str, Any]:
    texts = {"caCert": made[0].pem, "caKey": made[0].key_pem, "rootCert": made[-1].pem}
    return {"source": "provided", **texts, **changes}


@pytest.fixture(scope="module")
def two() -> list[Made]:
    root = make(now=NOW)
    return [make("CA", root, now=NOW), root]


def test_an_authority_is_generated_when_nothing_is_said() -> None:
    assert Settings().certificate_authority.source is AuthoritySource.GENERATED
    assert asked(rootKeyFile="root-key.pem").certificate_authority.root_key_file == "root-key.pem"


def test_what_belongs_to_another_source_is_refused_with_the_command_that_removes_it() -> None:
    found = problems(source="existing", rootDays=10, caCert="a.pem", rootKeyFile="k.pem")
    assert set(found) == {"rootDays", "caCert", "rootKeyFile"}
    assert found["caCert"].fix == f"pulumi config rm --path '{PREFIX}caCert'"
    assert "source provided" in found["caCert"].wrong
    assert set(problems(caKey="k.pem")) == {"caKey"}
    assert set(problems(**provided(chain(1), algorithm="rsa-4096"))) == {"algorithm"}


def test_all_that_is_missing_is_said_with_the_commands_that_set_it() -> None:
    found = problems(source="provided")
    assert {key: problem.fix for key, problem in found.items()} == {
        "caCert": f"pulumi config set --path '{PREFIX}caCert' ca-cert.pem",
        "caKey": f"pulumi config set --secret --path '{PREFIX}caKey' < FILE",
        "rootCert": f"pulumi config set --path '{PREFIX}rootCert' root-cert.pem",
    }


def test_an_unknown_source_gets_the_known_ones() -> None:
    assert "generated, provided, existing" in problems(source="provide")["source"].wrong
    assert problems(source="provide")["source"].fix.endswith(" provided")


def test_an_authority_may_be_given_as_text_or_as_files(two: list[Made], tmp_path: Path) -> None:
    assert asked(tmp_path, **provided(two)).certificate_authority.source is AuthoritySource.PROVIDED
    for name, text in (("c.pem", two[0].pem), ("k.pem", two[0].key_pem), ("r.pem", two[1].pem)):
        (tmp_path / name).write_text(text)
    settings = asked(tmp_path, **provided(two, caCert="c.pem", caKey=str(tmp_path / "k.pem"), rootCert="./r.pem"))
    material = authority.material(settings.certificate_authority, tmp_path)
    assert (material.ca_cert, material.ca_key, material.root_cert) == (two[0].pem, two[0].key_pem, two[1].pem)


def test_files_are_looked_for_from_home_too(two: list[Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "r.pem").write_text(two[1].pem)
    assert pem_text("~/r.pem", Path("/nowhere")) == two[1].pem


def test_files_that_cannot_be_read_are_named_all_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, source="provided", caCert="no.pem", caKey="none.pem", rootCert=".")
    assert set(found) == {"caCert", "caKey", "rootCert"}
    assert found["caCert"].shown == '"no.pem"'
    assert "No such file" in found["caCert"].wrong


def test_without_a_folder_nothing_is_judged_so_that_an_ended_authority_keeps_nobody_from_looking() -> None:
    ended = chain(2, days=-5, since=-9)
    assert asked(**provided(ended)).certificate_authority.source is AuthoritySource.PROVIDED


def test_every_complaint_is_a_problem_with_its_command(tmp_path: Path) -> None:
    root = make(now=NOW, path_length=0)
    signer = make("CA", root, now=NOW, days=0.5)
    found = problems(tmp_path, **provided([signer, root], caKey=root.key_pem))
    assert set(found) == {"caCert", "caKey", "rootCert"}
    assert "within a day" in found["caCert"].wrong
    assert "not the key" in found["caKey"].wrong
    assert "path length" in found["rootCert"].wrong
    assert all(problem.fix.startswith("pulumi config set ") and problem.why for problem in found.values())


def test_problems_of_shape_and_of_material_come_together(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(
            {
                "tether:meshID": "m",
                "tether:certificateAuthority": json.dumps(provided(chain(2), caKey=make().key_pem, rootDays=1)),
            },
            folder=tmp_path,
        )
    subjects = [problem.subject for problem in caught.value.problems]
    assert subjects == [f"{PREFIX}caKey", f"{PREFIX}rootDays", "tether:meshID"]


def test_a_key_is_never_shown(two: list[Made], tmp_path: Path) -> None:
    secret = make().key_pem
    for value in (secret, secret.replace("\n", " "), "".join(secret.splitlines()[1:-1])):
        for key in ("caKey", "cakey", "caKeys"):
            with pytest.raises(SettingsError) as caught:
                asked(tmp_path, **{**provided(two), "caKey": two[1].key_pem, key: value})
            assert secret.splitlines()[1] not in str(caught.value)
            assert two[1].key_pem.splitlines()[1] not in str(caught.value)
    assert two[0].key_pem.splitlines()[1] not in repr(asked(**provided(two)))


def test_what_is_encrypted_still_is_left_to_the_program(two: list[Made], tmp_path: Path) -> None:
    assert asked(tmp_path, **provided(two, caKey=HIDDEN))
    assert asked(tmp_path, **provided(two, caCert=HIDDEN, caKey=HIDDEN, rootCert=HIDDEN))
    ended = chain(2, days=-5, since=-9)
    assert set(problems(tmp_path, **provided(ended, caKey=HIDDEN))) == {"caCert"}


def test_the_command_for_an_encrypted_key_makes_it_one_that_is_taken(two: list[Made], tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text(key_pem(two[0].key, passphrase="open sesame"))
    fix = problems(tmp_path, **provided(two, caKey="k.pem"))["caKey"].fix
    decrypt, _, setting = fix.partition(" && ")
    assert setting == f"pulumi config set --secret --path '{PREFIX}caKey' < plain.pem"
    command = [*shlex.split(decrypt.replace("FILE", "k.pem")), "-passin", "pass:open sesame"]
    subprocess.run(command, cwd=tmp_path, check=True, env={"PATH": os.environ["PATH"]})
    assert asked(tmp_path, **provided(two, caKey="plain.pem"))


KEYS = ["source", "algorithm", "rootDays", "rootKeyFile", "caCert", "caKey", "rootCert", "certChain"]
VALUES = st.sampled_from(["generated", "provided", "existing", "", "\n", HIDDEN])


# The first to judge loads a library, which takes longer than a deadline allows.
@given(st.dictionaries(st.sampled_from(KEYS), VALUES | st.none() | st.integers() | st.text()), st.booleans())
@example({"caCert": "\0", "caKey": "~nobody-of-this-name/k", "rootCert": "a" * 5000}, True)
def test_whatever_is_written_ends_in_settings_or_in_complete_problems(
    values: dict[str, Any], is_provided: bool
) -> None:
    if is_provided:
        values = {**values, "source": "provided"}
    try:
        asked(Path("/nowhere"), **values)
    except SettingsError as error:
        for problem in error.problems:
            assert problem.subject.startswith("tether:")
            assert problem.wrong
            assert problem.why
            assert "pulumi config " in problem.fix
