"""The three weeks, day by day: who did what when. Everything happens between DAYS days ago and yesterday."""

import random
from datetime import date

from django.utils import timezone

from annotation.models import PromotionRule
from annotation.promotion import rules
from config.demo_history import texts
from config.demo_history.clock import Clock
from config.demo_history.desk import DISPUTES_LEFT, Desk
from config.demo_history.experts import EXPERTS, Expert
from config.demo_history.talks import ON_THE_PAGE, TALKS, AppTalks, PageTalks
from core.accounts import invitations
from core.models import Project, User
from training_export.options import ExportOptions
from training_export.publish import snapshots

DAYS, SEED = 21, 7
# New judgements of the three weeks, by project.
RANKINGS, PAIRS, TURNS = 68, 27, 14
DEMONSTRATIONS = {-16: "expert", -10: "expert2", -5: "expert3"}
RULE_FROM, JUDGED_FROM = -14, -12  # when promotion began, and when its turns were first judged
DATA_SETS = (-8, -1)
RETURNS = {-16: "expert6", -11: "expert5", -6: "expert6"}  # what is done again
STILL_RETURNED = "expert"
BY_NAME = {expert.username: expert for expert in EXPERTS}


class Weeks:
    """The demo's projects, by the last word of their addresses, and all that happens in them. A project that
    is not there is left out."""

    def __init__(self, projects: dict[str, Project], people: dict[str, User], clock: Clock, seed: object):
        self.projects, self.people, self.clock = projects, people, clock
        self.chance = random.Random(f"{seed}")
        self.manager = people["manager"]
        self.desks = {
            name: Desk(project, people, clock, random.Random(f"{seed} {name}"))
            for name, project in projects.items()
        }
        asked = list(texts.questions())
        self.chance.shuffle(asked)
        asked = asked[:TALKS]
        if "chat" in projects:
            chat = projects["chat"]
            self.app = AppTalks(chat, clock, random.Random(f"{seed} app"), asked[ON_THE_PAGE:])
            self.page = PageTalks(chat, people["user"], clock, asked[:ON_THE_PAGE])
        self.rule: PromotionRule | None = None

    def live(self) -> None:
        """All days, each from morning to evening."""
        for day in range(1 - DAYS, 0):
            here = self._who_works(day)
            self._experts(day, here)
            if "chat" in self.projects:
                self._chat(day)
            self._reviewer(day)
            self._manager(day)

    def _who_works(self, day: int) -> list[Expert]:
        """Three of the six, in turn."""
        return [expert for i, expert in enumerate(EXPERTS) if (day + i) % 2]

    @staticmethod
    def _share(whole: int, day: int, first: int = 1 - DAYS) -> int:
        """What of `whole` falls on `day`, when it is spread evenly from `first` until yesterday."""
        done = day - first
        return whole * (done + 1) // -first - whole * done // -first if day >= first else 0

    def _experts(self, day: int, here: list[Expert]) -> None:
        wanted = {
            "ranking": self._share(RANKINGS, day),
            "qa": self._share(PAIRS, day, -19),
            "chat": self._share(TURNS, day, JUDGED_FROM),
        }
        plan: dict[str, list[str]] = {expert.username: [] for expert in here}
        for name, count in wanted.items():
            if name in self.desks:
                for n in range(count):
                    plan[here[(n + day) % len(here)].username].append(name)
        for i, expert in enumerate(here):
            self.clock.at(day, 8 + 3 * i, self.chance.uniform(5, 50))
            for name in self.desks:
                if name != "demonstration":
                    self.desks[name].work(expert, plan[expert.username].count(name))
        if day in DEMONSTRATIONS and "demonstration" in self.desks:
            self.clock.at(day, 17, 20)
            self.desks["demonstration"].work(BY_NAME[DEMONSTRATIONS[day]], 1)

    def _chat(self, day: int) -> None:
        if day % 2 == 0:
            self.clock.at(day, 18, 10)
            self.page.talk()
        self.app.send(day, self._share(TALKS - ON_THE_PAGE, day))
        self.clock.at(day, 20)
        if day == RULE_FROM:
            name = "带意见的点踩 · Thumbs down with a comment"
            self.rule = rules.create(
                project=self.projects["chat"], actor=self.manager, name=name, kind="down_comment",
                daily_cap=4, per_person_cap=2,
            )  # fmt: skip
        if self.rule is not None:
            rules.run(self.projects["chat"], self.rule)

    def _reviewer(self, day: int) -> None:
        self.clock.at(day, 20, 30)
        desk = self.desks["ranking"]
        for name in ("ranking", "qa"):
            if name in self.desks:
                self.desks[name].review(day)
        if day in RETURNS:
            desk.send_back(RETURNS[day], comes_again=True)
        if day in (-9, -1):
            desk.settle(leaving=DISPUTES_LEFT)
            if "qa" in self.desks:
                self.desks["qa"].settle(leaving=0)
        if day == -1:
            desk.send_back(STILL_RETURNED, comes_again=False)

    def _manager(self, day: int) -> None:
        self.clock.at(day, 22)
        ranking = self.projects["ranking"]
        if day in DATA_SETS:
            options = ExportOptions.of(
                {"format": "trl-preference", "annotators": "majority", "split": [80, 10, 10], "seed": 1}
            )
            snapshots.build(project=ranking, actor=self.manager, options=options)
        if day == -3:
            invitations.create_invite(project=ranking, role="annotator", days=14, uses=5, actor=self.manager)


def live_through(
    *, projects: dict[str, Project], people: dict[str, User], clock: Clock, seed: object = SEED
) -> None:
    """Let the three weeks pass in `projects` ({"ranking", "qa", "demonstration", "chat": Project}, of which
    only "ranking" must be there), lived by `people` ({username: User}). Call inside
    `config.demo_history.clock.lived`, in one transaction."""
    Weeks(projects, people, clock, seed).live()


def day_of_today() -> date:
    """The day whose morning all of it has happened before."""
    return timezone.localtime(timezone=timezone.get_default_timezone()).date()
