"""Days of experts and of their reviewer, through the bench's own verbs."""

import random
from collections import defaultdict
from dataclasses import dataclass, replace

from annotation.document import Judgement
from annotation.models import Annotation, Assignment, Item, ItemAnswer
from annotation.statistics.project import LOW_AGREEMENT
from annotation.work import queue, review, submit
from config.demo_history import experts, texts
from config.demo_history.clock import Clock
from config.demo_history.experts import EXPERTS, Expert
from core.models import Project, User
from core.rendering.language import guess
from corpus.models import PromptOrigin

DISPUTES_LEFT = 3
REVIEWED_AT_ONCE = 7


@dataclass(frozen=True)
class Facts:
    """What the simulation knows of an item: its name in the demo's files, its domain, its answers by slot."""

    name: str
    domain: str
    language: str
    answers: list[str]


class Desk:
    """The bench of one project with all who work at it."""

    def __init__(self, project: Project, people: dict[str, User], clock: Clock, chance: random.Random):
        self.project, self.people, self.clock, self.chance = project, people, clock, chance
        self.reviewer = people["reviewer"]
        self._facts: dict[int, Facts] = {}
        self._returned: dict[str, list[int]] = defaultdict(list)  # items to be done again, by expert
        self._looked_at: set[int] = set()  # annotations on which the reviewer has made up their mind

    # -- experts

    def work(self, expert: Expert, wanted: int) -> int:
        """Let `expert` judge up to `wanted` items, after what was returned to them; how many were new."""
        user, done = self.people[expert.username], 0
        for item in self._returned.pop(expert.username, []):
            again = Assignment.objects.select_related("item").get(item=item, annotator__user=user)
            self._judge(user, again, replace(expert, error=expert.error / 3), key="again")
        while done < wanted:
            taken = queue.claim(project=self.project, user=user)
            if taken is None:
                break
            if self._facts_of(taken.item).domain not in ("", *expert.fields):
                self.clock.go_on(self.chance.uniform(10, 30))
                queue.skip(user=user, pk=taken.pk, reason="not_my_field")
                continue
            self._judge(user, taken, expert, key="first")
            done += 1
        return done

    def _judge(self, user: User, held: Assignment, expert: Expert, *, key: str) -> None:
        seconds = expert.pace * self.chance.uniform(0.6, 1.6)
        self.clock.go_on(seconds)
        said = self._judgement(expert, held)
        submit.submit(user=user, pk=held.pk, given=said, client_key=key, active_ms=round(900 * seconds))

    def _judgement(self, expert: Expert, held: Assignment) -> dict:
        facts = self._facts_of(held.item)
        if held.item.kind == "ranking":
            shown = [facts.answers[slot] for slot in held.order]
            return experts.ranking(expert, self.chance, shown, name=facts.name, domain=facts.domain)
        if held.item.kind == "qa":
            return experts.qa(expert, self.chance, facts.answers[0], name=facts.name)
        return {"demonstration": texts.judgements()["demonstration"][facts.name]}

    def _facts_of(self, item: Item) -> Facts:
        if item.pk not in self._facts:
            prompt = item.prompt
            by_slot = dict(ItemAnswer.objects.filter(item=item).values_list("slot", "response__text"))
            name = PromptOrigin.objects.filter(prompt=prompt).values_list("external_id", flat=True)[0]
            asked = prompt.messages[-1]["content"]
            self._facts[item.pk] = Facts(
                name,
                prompt.metadata.get("domain") or texts.domains().get(asked, ""),
                guess(asked),
                [by_slot[slot] for slot in sorted(by_slot)],
            )
        return self._facts[item.pk]

    # -- their reviewer

    def review(self, before_day: int) -> None:
        """Accept what was handed in before that day, as far as the reviewer comes; leave what divides."""
        until = self.clock.moment(before_day, 0)
        waiting = (
            Annotation.objects.filter(
                project=self.project, state=Annotation.State.SUBMITTED, created_at__lt=until
            )
            .exclude(pk__in=self._looked_at)
            .select_related("item")
            .order_by("pk")[:REVIEWED_AT_ONCE]
        )
        for annotation in waiting:
            self._looked_at.add(annotation.pk)
            if annotation.item.agreement is not None and annotation.item.agreement < LOW_AGREEMENT:
                continue
            self.clock.go_on(self.chance.uniform(20, 90))
            if self.chance.random() < 0.75:
                review.accept(annotation=annotation, reviewer=self.reviewer)

    def send_back(self, username: str, *, comes_again: bool) -> None:
        """Return the least convincing ranking of that expert which is not accepted yet; with `comes_again`
        they do it anew on their next day."""
        rows = Annotation.objects.filter(
            project=self.project, annotator__user=self.people[username], state=Annotation.State.SUBMITTED
        )
        found = [
            a
            for a in rows.select_related("item", "head").order_by("pk")
            if a.item.state != Item.State.SETTLED
        ]
        if not comes_again:  # what they are asked for is not there yet
            found = [a for a in found if not Judgement(a.head.document).corrections()]
        if not found:
            return
        worst = max(found, key=lambda a: (self._distance(a), a.pk))
        language = self._facts_of(worst.item).language
        words = texts.judgements()
        comment = (
            self.chance.choice(words["returns"][language]) if comes_again else words["unfinished"][language]
        )
        self.clock.go_on(120)
        review.return_(annotation=worst, reviewer=self.reviewer, comment=comment)
        if comes_again:
            self._returned[username].append(worst.item_id)

    def _distance(self, annotation: Annotation) -> float:
        if annotation.item.kind != "ranking":
            return 0.0
        return experts.distance(annotation.head.document, self._facts_of(annotation.item).answers)

    def settle(self, *, leaving: int) -> None:
        """Settle disputes, the oldest first, all but `leaving` of them: by the work that is nearest to what
        the answers are worth."""
        disputes = Item.objects.filter(project=self.project, agreement__lt=LOW_AGREEMENT, hidden=False)
        open_ones = list(disputes.exclude(state=Item.State.SETTLED).order_by("pk"))
        for item in open_ones[: max(0, len(open_ones) - leaving)]:
            said = Annotation.objects.filter(
                item=item, state__in=(Annotation.State.SUBMITTED, Annotation.State.ACCEPTED)
            )
            heads = list(said.select_related("item", "head", "annotator__user").order_by("pk"))
            skill = {expert.username: expert.error for expert in EXPERTS}
            best = min(heads, key=lambda a: (self._distance(a), skill[a.annotator.user.username]))
            comment = texts.judgements()["settled"][self._facts_of(item).language]
            self.clock.go_on(self.chance.uniform(120, 300))
            review.settle(item=item, version=best.head, reviewer=self.reviewer, comment=comment)
