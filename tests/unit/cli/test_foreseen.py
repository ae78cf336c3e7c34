"""What a preview's events mean, and how it is told."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from tether.cli import foreseen, foreseen_document, foreseen_forms
from tether.cli.foreseen import Action, Foreseen

URN = "urn:pulumi:kind::tether::tether:index:Mesh$"


def step(op: str, kind: str = "tether:index:Cluster", name: str = "cluster2", **more: Any) -> dict[str, Any]:
    urn = f"{URN}{kind}::{name}"
    return {"resourcePreEvent": {"metadata": {"op": op, "urn": urn, "type": kind, **more}, "planning": True}}


def summary(**changes: int) -> dict[str, Any]:
    return {"summaryEvent": {"resourceChanges": changes, "durationSeconds": 3}}


def violation(level: str = "mandatory", message: str = "no") -> dict[str, Any]:
    return {
        "policyEvent": {
            "resourceUrn": f"{URN}tether:index:Cluster::cluster2", "policyName": "names", "policyPackName": "tether",
            "enforcementLevel": level, "message": f"<{{%fg 1%}}>{message}<{{%reset%}}>\n",
        }
    }  # fmt: skip


def told(severity: str, message: str, urn: str = "") -> dict[str, Any]:
    return {"diagnosticEvent": {"severity": severity, "message": message, "urn": urn}}


def of(*events: dict[str, Any]) -> Foreseen:
    return foreseen.of_events([*events, summary(same=3)])


def test_what_stays_is_read_or_refreshed_is_no_change():
    assert of(step("same"), step("read"), step("refresh")).changes == ()


def test_a_replacement_is_one_change_with_every_input_that_differs():
    steps = ("create-replacement", "replace", "delete-replaced")
    (change,) = of(*(step(op, diffs=["subnet"]) for op in steps), step("replace", diffs=["name"])).changes
    assert (change.action, change.name, change.properties) == (Action.REPLACE, "cluster2", ("name", "subnet"))


def test_the_detailed_account_of_a_difference_is_preferred():
    detailed = {"spec.ports[0].port": {"kind": "update"}}
    (change,) = of(step("update", diffs=["spec"], detailedDiff=detailed)).changes
    assert change.properties == ("spec.ports[0].port",)


def test_the_most_drastic_comes_first():
    found = of(step("update", name="a"), step("create", name="b"), step("delete", name="c"), step("replace", name="d"))
    assert [change.action for change in found.changes] == list(Action)


def test_the_stack_and_providers_that_nobody_declared_are_left_out_but_a_mesh_that_is_called_default_is_not():
    found = of(
        step("create", "pulumi:pulumi:Stack", "tether-kind"),
        step("create", "pulumi:providers:random", "default_4_21_4"),
        step("create", "pulumi:providers:kubernetes", "cluster1"),
        step("create", "tether:index:Mesh", "default"),
    )
    assert [change.name for change in found.changes] == ["cluster1", "default"]


def test_colours_and_secrets_do_not_pass():
    key = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"
    found = of(violation(message=f"a {key}"), told("error", f"<{{%fg 1%}}>bad {key}<{{%reset%}}>", f"{URN}x::cluster2"))
    assert found.violations[0].message == "a [secret]"
    assert found.errors == ("cluster2: bad [secret]",)


def test_the_engine_s_last_words_and_passing_ones_are_left_out():
    passing = {"diagnosticEvent": {"severity": "error", "message": "…", "ephemeral": True}}
    assert of(told("error", "preview failed"), passing).errors == ()


def test_a_run_that_was_cut_off_is_not_complete():
    assert not foreseen.of_events([step("create")]).complete
    assert foreseen_forms.verdict(foreseen.of_events([step("create")])) == "The preview failed after 1 to create."


def test_a_file_that_was_never_written_tells_nothing(tmp_path: Path):
    assert foreseen.read(tmp_path / "none.jsonl") == Foreseen()


def test_events_are_read_line_by_line(tmp_path: Path):
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(event) for event in (step("create"), summary(create=1, same=7))) + "\n")
    assert (foreseen.read(file).unchanged, len(foreseen.read(file).changes)) == (7, 1)


def test_the_verdict_counts_and_says_what_refuses_it():
    say = foreseen_forms.verdict
    assert say(of()) == "Nothing to change, 3 unchanged."
    assert say(of(step("create"), step("delete", name="x"))) == "1 to delete, 1 to create, 3 unchanged."
    assert say(of(), drift=True) == "Nothing has drifted, 3 unchanged."
    assert say(of(step("update")), drift=True) == "Drifted: 1 to change, 3 unchanged."
    assert say(of(violation(), violation("advisory"))) == (
        "Nothing to change, 3 unchanged; refused by 1 policy; advice of 1 policy."
    )
    assert say(of(violation(), violation(message="of another resource"))).endswith("; refused by 1 policy.")
    assert say(of(told("error", "boom"))) == "The preview failed, 3 unchanged."


def test_a_comment_shows_names_as_they_are_whatever_is_in_them():
    found = of(step("create", name="a|b`c @somebody"), violation(message="see | ```\nhere"))
    page = foreseen_forms.markdown(found, "Preview", "Verdict.")
    assert "| create | `a\\|b'c @somebody` | `tether:index:Cluster` |  |" in page
    assert "| `names` | mandatory | `cluster2` | `see \\| ''' here` |" in page


def test_an_error_cannot_end_the_fence_around_it():
    page = foreseen_forms.markdown(of(told("error", "x\n```\n# not a title")), "Preview", "Verdict.")
    assert page.count("```") == 2


def test_a_comment_is_never_longer_than_one_may_be_and_ends_with_a_whole_row():
    found = of(*(step("create", name=f"cluster{number:05}") for number in range(3000)))
    page = foreseen_forms.markdown(found, "Preview", "Verdict.")
    assert len(page) <= foreseen_forms.COMMENT_LIMIT
    assert page.splitlines()[-1] == "… cut here: the rest is in the job's log."
    assert page.splitlines()[-3].endswith("|  |")


def test_a_fence_that_is_cut_is_closed():
    page = foreseen_forms.markdown(of(told("error", "long words\n" * 10_000)), "Preview", "Verdict.")
    assert len(page) <= foreseen_forms.COMMENT_LIMIT + 10
    assert page.count("```") == 2


def test_many_properties_are_counted_and_all_are_in_the_document():
    found = of(step("update", diffs=list("abcdefgh")))
    assert foreseen_forms.because(found.changes[0]) == "a, b, c, d, e and 3 more"
    document = foreseen_document.document(found, "kind", "Verdict.").plain()
    assert document["changes"][0]["properties"] == list("abcdefgh")
    assert document["counts"] == {"replace": 0, "delete": 0, "create": 0, "change": 1, "unchanged": 3}


def test_text_says_the_same():
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    foreseen_forms.show(of(step("replace", diffs=["subnet"]), violation(), told("error", "boom")), "Verdict.", console)
    text = console.export_text()
    assert all(word in text for word in ("replace", "cluster2", "subnet", "✗ names", "error: boom", "Verdict."))
