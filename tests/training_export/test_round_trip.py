"""Own files come home: what a format writes of judged rows is imported into another project, which writes the
same again.

A format that is registered and does not come home fails. What may differ is named in `MAY_DIFFER`, by
format; the rows, and the answers of one tie, may come in another order."""

import json
from collections import Counter
from pathlib import Path

import pytest

from annotation.imports import importer
from annotation.models import Annotation
from tests import cast
from tests.training_export import judged
from tests.training_export.collect import test_end_user_feedback as chats
from tests.training_export.formats.format_files import rows_in
from training_export.formats import FORMATS, Options
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = pytest.mark.django_db

# provenance: ids of the project it came from. group_id: keyed by the project. language: guessed anew.
CANONICAL = {"provenance", "group_id", "language"}
MAY_DIFFER = {"jsonl": CANONICAL, "parquet": CANONICAL, "reward-pairs": {"subset"}}
HAVE_A_WAY = ["trl-sft", "trl-preference", "trl-rm", "trl-kto", "llamafactory", "jsonl"]
HAVE_A_WAY += ["swift", "openrlhf", "axolotl", "bailian"]
HAVE_A_WAY += ["openai-messages", "openai-preference", "reward-pairs", "parquet"]
NO_WAY = {
    # An importer does not take a solution, what the teacher sees or a reference for an answer that somebody
    # gave.
    **dict.fromkeys(["trl-grpo", "trl-sdft", "trl-tpo"], "their rows are no judgements"),
    "chatglm3": "stands in two files at least, whose shares differ from project to project",
    "opencompass": "holds single questions, of which the rows here have one",
    "nemo-rl": "the importer knows no ranks inside completions",
    "verl": "prompts with answers to compare with: whose words those were is not in the rows",
    "csv": "for people: cells are guarded against formulas, and turns stand there as one text",
}
# bailian: of the talks here only pairs. rl: as trl-grpo. Axolotl's kto: its "completion" is a whole talk.
NOT_HERE = {("bailian", "sft"), ("swift", "rl"), ("openrlhf", "rl"), ("axolotl", "kto")}
HOME = [
    (form.name, stage)
    for form in FORMATS.values()
    for stage in form.stages or [""]
    if form.name not in NO_WAY and (form.name, stage) not in NOT_HERE
]
WEATHER = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
        },
    }
]


def user(text):
    return {"role": "user", "content": text}


def said(text):
    return {"role": "assistant", "content": text}


def judged_rows(project):
    """Rankings with ties and a rest, by two people who agree, differ and correct; lines; offered answers;
    turns, tools and passages."""
    x, y, _z = judged.annotators(project)
    plain = judged.item(
        project, ("好的", "一般", "不好\n"), prompt=cast.make_prompt(project, "感冒要吃抗生素吗？")
    )
    judged.judge(plain, x, {"ranking": [[0], [1], [2]], "acceptable": 1})
    judged.judge(plain, y, {"ranking": [[0], [1, 2]], "acceptable": 1})
    talk = [{"role": "system", "content": "Be brief."}, user("May I sign?"), said("Yes."), user("Notarised?")]
    longer = judged.item(
        project,
        ("For land.", "Always.", "Never.", "Ask."),
        prompt=cast.make_prompt(project, messages=talk),
        targets=[3],
    )
    judged.judge(
        longer,
        x,
        {
            "ranking": [[0]],
            "rest": "worse",
            "corrections": [
                {"target": "response", "answer": 1, "text": "For land, always."},
                {"target": "turn", "turn": 2, "text": "Only with a power of attorney."},
            ],
        },
    )
    judged.judge(
        longer,
        y,
        {
            "ranking": [[0], [2]],
            "corrections": [{"target": "response", "answer": 0, "text": "For land, yes."}],
        },
    )
    call = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"type": "function", "function": {"name": "weather", "arguments": '{"place": "Bern"}'}}
        ],
    }
    asked = [user("Rain in Bern?"), call, {"role": "tool", "content": "dry"}]
    tools = judged.item(
        project, ("No.", "Yes."), prompt=cast.make_prompt(project, messages=asked, tools=WEATHER), targets=[0]
    )
    judged.judge(tools, y, {"ranking": [[0], [1]], "acceptable": 1})
    passage = [{"title": "Ward A", "text": "Two visitors at a time."}]
    sourced = judged.item(
        project,
        ("Two.", "Three."),
        prompt=cast.make_prompt(project, "How many?", sources=passage),
        targets=[0],
    )
    judged.judge(sourced, x, {"ranking": [[0, 1]], "acceptable": 0})
    single = judged.item(project, ("alone",), prompt=cast.make_prompt(project, "One answer?"))
    judged.judge(
        single,
        y,
        {
            "ranking": [[0]],
            "acceptable": 1,
            "corrections": [{"target": "response", "answer": 0, "text": "not alone"}],
        },
    )
    return project


def exported(project, **options) -> dict[str, Counter]:
    """{file: its rows, each as one text, with how often}; only the files with rows."""
    skip = MAY_DIFFER.get(options["format"], set())
    files = {}
    for path in data_files(project, **options):
        rows = [{k: v for k, v in row.items() if k not in skip} for row in rows_in(path)]
        files[path.name] = Counter(
            json.dumps(row, sort_keys=True, ensure_ascii=False) for row in map(told, rows)
        )
    return files


def told(row: dict) -> dict:
    """A row, the order inside its ties put right."""
    for group in row.get("groups", []):
        group.sort(key=lambda answer: answer["text"])
    return row


def data_files(project, **options) -> list[Path]:
    bundle = snapshots.build(project=project, actor=None, options=ExportOptions.of(options))
    return [snapshots.folder_of(bundle) / f["path"] for f in bundle.files if f["role"] == "data"]


def differences(before: dict[str, Counter], after: dict[str, Counter]) -> dict:
    """{file: (rows that went, rows that came)}."""
    return {
        name: (
            sorted(before.get(name, Counter()) - after.get(name, Counter())),
            sorted(after.get(name, Counter()) - before.get(name, Counter())),
        )
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    }


def imported(project, bundle_of, **options) -> list[dict]:
    """The reports of taking every data file of the project's export into `project`."""
    return [
        importer.import_file(project=project, actor=None, path=path)
        for path in data_files(bundle_of, **options)
    ]


def test_every_format_has_a_way_home():
    assert sorted(FORMATS) == sorted([*HAVE_A_WAY, *NO_WAY])


@pytest.mark.parametrize(("form", "stage"), HOME)
def test_an_export_imports_as_what_it_was(form, stage):
    there, home = judged_rows(judged.project(slug="there")), judged.project(slug="home")
    options = {"format": form, "stage": stage}
    before = exported(there, **options)
    kinds = FORMATS[form].takes_for(Options(stage=stage))
    assert sum(counter.total() for counter in before.values()) >= 3 * len(
        [k for k in kinds if k.__name__ in ("Sft", "Preference", "Binary", "RankedList")]
    )
    reports = imported(home, there, **options)
    assert [report["errors"] for report in reports] == [[]] * len(before)
    assert differences(before, exported(home, **options)) == {}
    again = imported(home, there, **options)
    assert [(report["imported"], report["errors"]) for report in again] == [(0, [])] * len(before)


@pytest.mark.parametrize(
    "options",
    [
        {"annotators": "majority"},
        {"pairs": "best-worst", "max_pairs": 2},
        {"correction_beats": "ranked"},
        {"all_corrections": True},
    ],
)
def test_votes_and_choices_come_home_too(options):
    there, home = judged_rows(judged.project(slug="there")), judged.project(slug="home")
    before = exported(there, format="jsonl", **options)
    assert all(not report["errors"] for report in imported(home, there, format="jsonl", **options))
    assert differences(before, exported(home, format="jsonl", **options)) == {}
    assert set(Annotation.objects.filter(project=home).values_list("annotator__name", flat=True)) == {
        "X",
        "Y",
    }


@pytest.mark.parametrize("form", ["trl-sft", "trl-kto", "llamafactory", "jsonl"])
def test_checked_pairs_come_home_as_targets_and_labels(form):
    """Of a QA project, into one that ranks: a QA project takes no labels, and only what is kept there leaves
    it."""
    there, home = judged.project(slug="there", kind="qa"), judged.project(slug="home")
    [x] = judged.annotators(there, 1)
    passage = [{"title": "Ward A", "text": "Two visitors at a time."}]
    verdicts = [
        {"verdict": "keep"},
        {"verdict": "fix", "corrections": [{"target": "response", "answer": 0, "text": "Two, at a time."}]},
        {"verdict": "drop", "reasons": ["wrong_answer"]},
        {"verdict": "fix", "corrections": [{"target": "question", "text": "How many at a time?"}]},
    ]
    for n, verdict in enumerate(verdicts):
        item = judged.item(
            there, (f"Two {n}.",), prompt=cast.make_prompt(there, f"How many {n}?", sources=passage)
        )
        judged.judge(item, x, verdict)
    before = exported(there, format=form)
    assert before and all(not report["errors"] for report in imported(home, there, format=form))
    assert differences(before, exported(home, format=form)) == {}


@pytest.mark.parametrize(("form", "stage"), HOME)
def test_what_end_users_said_comes_home_as_judgements(form, stage):
    there, home = judged.project(slug="there"), judged.project(slug="home")
    for who, value in (("ann", 1), ("bob", 1), ("cem", -1)):
        _question, (answer,) = chats.ask(there, who, "Is it safe?")
        chats.thumb(there, who, answer, value)
    _question, (answer,) = chats.ask(
        there, "ann", "How much?", "Of what?", "Paracetamol.", answers=("5 g a day.",)
    )
    chats.correct(there, "ann", answer, "4 g a day.")
    question, answers = chats.ask(
        there, "bob", "At night?", answers=("Yes, up to 4 g.", "Perhaps.", "No idea.")
    )
    chats.pick(there, "bob", question, answers, chosen=0)
    _question, (answer,) = chats.ask(there, "cem", "By day?", answers=("Never.",))
    chats.thumb(there, "cem", answer, -1)
    options = {"format": form, "stage": stage, "annotators": "majority"}
    before = exported(there, include="draft-choices,thumbs,corrections", **options)
    reports = [
        importer.import_file(project=home, actor=None, path=p)
        for p in data_files(there, include="draft-choices,thumbs,corrections", **options)
    ]
    assert before and [report["errors"] for report in reports] == [[]] * len(before)
    assert differences(before, exported(home, **options)) == {}
