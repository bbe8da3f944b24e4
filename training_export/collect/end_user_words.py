"""One end user's word beside the judgements of experts: as a judgement for the rules, and back in a row's
provenance. Pure."""

from dataclasses import replace

from annotation.document import Judgement
from training_export.curate.examples import Preference
from training_export.curate.judged_prompts import AttributedJudgement, EndUserWord, JudgedPrompt


def word_of(judgement: AttributedJudgement) -> EndUserWord:
    """Where the judgement of an end user comes from; TypeError for an annotator's."""
    if isinstance(judgement.source, EndUserWord):
        return judgement.source
    raise TypeError("an annotator's judgement is no end user's word")


def judgement_of(said: EndUserWord, says: Judgement, slots: tuple) -> AttributedJudgement:
    """One person's word as the rules for judgements take it."""
    # The pseudonym is put in when the row is told; until then any name that tells people apart does.
    name = f"{said.end_user}" if said.end_user is not None else f"anonymous {said.kind} {said.row}"
    return AttributedJudgement(name, said, 0, "raw", says, 0, slots)  # its order comes with the chunk


def told(row, prompt: JudgedPrompt, names: dict[int, str]):
    """`row` with the provenance of end users' words in the place of an expert's."""
    said: list[EndUserWord] = row.provenance.get("words", [])
    kinds = sorted({s.kind for s in said})
    provenance = {name: value for name, value in row.provenance.items() if name != "words"} | {
        "item": None,
        "versions": [],
        "annotators": [names[s.end_user] if s.end_user is not None else "anonymous" for s in said],
        "responses": [],
        "status": "end_user",
        "reason": kinds[0] if len(kinds) == 1 else "+".join(kinds),
        "origins": [{"conversation": s.conversation, "turn": s.turn} for s in said],
        "reactions": [s.row for s in said if s.kind != "choice"],
        "choices": [s.row for s in said if s.kind == "choice"],
    }
    if type(row) is Preference and any(s.places for s in said):
        by_text = {id(a.answer): a.key for a in prompt.answers}
        chosen, rejected = by_text.get(id(row.chosen)), by_text.get(id(row.rejected))
        provenance["positions"] = [[s.places.get(chosen), s.places.get(rejected)] for s in said if s.places]
    return replace(row, provenance=provenance)


def no_prompt(context: list) -> str:
    """Why what was said before an answer is no prompt: a code of reasons, or ""."""
    if not context or context[-1]["role"] not in ("user", "tool"):
        return "no_question"
    return (
        "context_unusable" if any(turn["role"] == "user" and not turn["content"] for turn in context) else ""
    )
