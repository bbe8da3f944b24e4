"""A recipe's document, as JSON and as YAML: the same there and back, and refused with the place at fault."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DomainError
from training_export.recipes import yaml_form
from training_export.recipes.document import KINDS, STANDING, RecipeDocument
from training_export.recipes.presets import PRESETS

names = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=",，"), min_size=1, max_size=9)
)
sources = st.fixed_dictionaries(
    {},
    optional={
        "tags": names,
        "without_tags": names,
        "origins": names,
        "standing": st.lists(st.sampled_from(list(STANDING))),
        "agreement": st.floats(0, 1),
        "judged_since": st.integers(0, 2**62),
        "include": st.lists(st.sampled_from(["thumbs", "corrections"])),
        "thumbs_balance": st.sampled_from([None, [1, 1], "2:3"]),
    },
)


@given(
    st.lists(st.sampled_from(list(KINDS)), min_size=1),
    st.lists(sources, max_size=3),
    st.sampled_from(
        [[], ["exact-duplicates"], [{"exact-duplicates": {"over": "prompt"}}, "exact-duplicates"]]
    ),
    st.sampled_from([None, {}, {"since": 3, "replay": 0.25}]),
)
def test_a_recipe_comes_back_as_it_went(kinds, given_sources, steps, delta):
    recipe = RecipeDocument.of({"kinds": kinds, "sources": given_sources, "steps": steps, "delta": delta})
    assert RecipeDocument.of(recipe.as_dict()) == recipe
    text = yaml_form.dump(recipe)
    assert yaml_form.load(text) == recipe and yaml_form.dump(yaml_form.load(text)) == text


def test_every_value_is_written_down():
    said = PRESETS["dpo-experts"].document().as_dict()
    assert said["rules"]["pairs"] == "best-random" and said["rules"]["alpha"] == 0.01
    said["steps"] = said["steps"][:1]
    assert said["sources"][0]["standing"] == list(STANDING) and said["steps"] == [
        {"exact-duplicates": {"over": "row", "keep": "best-judged"}}
    ]


@pytest.mark.parametrize(
    ("text", "field", "part"),
    [
        ("kinds: [sft", "file", "Line 1"),
        ("kinds: [sft]\nkinds: [sft]", "file", "Line 2"),
        ("a: &x [1]\nkinds: *x", "file", "aliases"),
        ("? [1]\n: 2", "file", "Line 1"),
        ("!!python/object/apply:os.system [ls]", "file", "Line 1"),
        ("kinds: []", "kinds", "sft, preference"),
        ("kinds: [sft]\nsplits: 1", "splits", "no part"),
        ("kinds: [sft]\nsources:\n- {tagz: 1}", "sources[0].tagz", "tagz"),
        ("kinds: [sft]\nsources: {}", "sources", "list"),
        ("kinds: [sft]\nrules: {pairs: some}", "rules.pairs", "best-worst"),
        (
            "kinds: [sft]\nsteps: [{exact-duplicates: {over: all}}]",
            "steps[0].exact-duplicates.over",
            "prompt",
        ),
        ("kinds: [sft]\nsteps: [polish]", "steps[0]", "exact-duplicates"),
        ("kinds: [sft]\nsources: [{agreement: 1.5}]", "sources[0].agreement", "0 to 1"),
        ("kinds: [sft]\nsets: {a b: {}}", "sets", "letters"),
        ("kinds: [sft]\nsources: [{agreement: .nan}]", "file", "not_a_number"),
        ("kinds: [sft]\nsources: [{project: !!int ''}]", "file", "Line 2"),
        ("kinds: !!set {sft}", "file", "Line 1"),
        ('kinds: [sft]\nsources: [{project: "a\\0b"}]', "file", "nul"),
        ("kinds: [[sft]]", "kinds", "sft"),
        ("kinds: [sft]\nsources: [{project: 2024}]", "sources[0].project", "text"),
        ("kinds: [sft]\nsources: [{project: [a]}]", "sources[0].project", "text"),
        ("kinds: [sft]\nsets: {reserved: {}}", "sets", "evaluation"),
        ("kinds: [sft]\nsteps: [split, {mix: {sets: [a]}}]", "steps", "after"),
        ("just words", "", "names with values"),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_place(text, field, part):
    with pytest.raises(DomainError) as refused:
        yaml_form.load(text)
    assert refused.value.field == field and part in str(refused.value.message)
