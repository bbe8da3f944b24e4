"""Every URL × every kind of person has an asserted answer; a new URL without a row fails here.

L: asked to sign in (a page redirects to /login/, the API answers 401) · N: 404, nothing is told · F: 403 ·
Y: let in (any answer below 500 that is none of these; what the view does with it is tested where the view
is)."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from annotation.imports import jobs as import_jobs
from annotation.imports import uploads
from annotation.models import AnnotationVersion
from annotation.promotion import rules as promotion
from annotation.work import queue, submit
from core import jobs
from core.accounts import invitations
from core.api.auth import new_key
from core.models import ApiKey, Invite, Member
from feedback.chat.settings import actions as chat_settings
from feedback.conversations import end_users
from feedback.models import ChatSettings
from inference import endpoints
from tests.cast import make_item, make_member, make_project
from tests.feedback.talks import make_talk
from training_export.bundles.make import form_named, make_bundle, options_for
from training_export.options import ExportOptions
from training_export.publish import snapshots
from training_export.recipes.actions import apply_recipe
from training_export.recipes.document import RecipeDocument
from training_export.recipes.make import make_snapshot

PEOPLE = ("anonymous", "stranger", "user", "annotator", "reviewer", "manager")
EVERYONE, SIGNED_IN = "Y Y Y Y Y Y", "L Y Y Y Y Y"
MEMBERS = "L N Y Y Y Y"
ANNOTATORS, REVIEWERS, MANAGERS = "L N F Y Y Y", "L N F F Y Y", "L N F F F Y"
KEYS_ONLY = "L L L L L L"  # for programs: a session opens nothing there
OWN = "L N N Y N N"  # the annotator's own assignment

SOME_JOB = "L N N N N Y"  # a manager's job: managers of its project, and whoever started it

# name: (method, who)
MATRIX: dict[str, tuple[str, str]] = {
    "home": ("GET", SIGNED_IN),
    "login": ("GET", EVERYONE),
    "logout": ("POST", "L L L L L L"),  # leads to the sign-in page
    "account": ("GET", SIGNED_IN),
    "password": ("GET", SIGNED_IN),
    "preferences": ("POST", EVERYONE),
    "invite": ("GET", EVERYONE),
    "members": ("GET", MANAGERS),
    "members_add": ("POST", MANAGERS),
    "members_invite": ("POST", MANAGERS),
    "members_invite_revoke": ("POST", MANAGERS),
    "member_role": ("POST", MANAGERS),
    "member_remove": ("POST", MANAGERS),
    "member_password": ("POST", MANAGERS),
    "keys": ("GET", ANNOTATORS),
    "key_rotate": ("POST", "L N F N N Y"),  # one's own only
    "key_revoke": ("POST", "L N F N N Y"),  # the key is the manager's; annotators may revoke their own
    "job": ("GET", SOME_JOB),
    "job_cancel": ("POST", SOME_JOB),
    "bench_keys": ("POST", SIGNED_IN),
    "bench": ("GET", ANNOTATORS),
    "mine": ("GET", ANNOTATORS),
    "bench_guidelines": ("GET", ANNOTATORS),
    "guidelines_seen": ("POST", ANNOTATORS),
    "bench_preview": ("POST", ANNOTATORS),
    "import": ("GET", MANAGERS),
    "import_check": ("GET", MANAGERS),
    "import_template": ("GET", MANAGERS),
    "import_report": ("GET", MANAGERS),
    "import_report_csv": ("GET", MANAGERS),
    "import_report_jsonl": ("GET", MANAGERS),
    "project_new": ("GET", "L F F F F Y"),
    "project": ("GET", MEMBERS),
    "project_agreement": ("GET", REVIEWERS),
    "checklist_close": ("POST", MANAGERS),
    "project_clone": ("GET", MANAGERS),
    "project_settings": ("GET", MANAGERS),
    "project_criteria": ("POST", MANAGERS),
    "guidelines": ("GET", ANNOTATORS),
    "guidelines_preview": ("POST", MANAGERS),
    "work": ("GET", ANNOTATORS),
    "results": ("GET", MANAGERS),
    "items": ("GET", REVIEWERS),
    "item": ("GET", REVIEWERS),
    "item_hide": ("POST", REVIEWERS),
    "item_decide": ("POST", MANAGERS),
    "item_tags": ("POST", MANAGERS),
    "review": ("GET", REVIEWERS),
    "review_item": ("GET", REVIEWERS),
    "review_agreeing": ("GET", REVIEWERS),
    "review_accept": ("POST", REVIEWERS),
    "review_accept_item": ("POST", REVIEWERS),
    "review_rule": ("POST", REVIEWERS),
    "review_return": ("POST", REVIEWERS),
    "review_settle": ("POST", REVIEWERS),
    "review_unsettle": ("POST", REVIEWERS),
    "review_reveal": ("POST", MANAGERS),
    "promotion": ("GET", MANAGERS),
    "promotion_new": ("GET", MANAGERS),
    "promotion_rule": ("GET", MANAGERS),
    "promotion_send": ("POST", MANAGERS),
    "promotion_run": ("POST", MANAGERS),
    "promotion_switch": ("POST", MANAGERS),
    "promotion_remove": ("POST", MANAGERS),
    "inbox": ("GET", REVIEWERS),
    "inbox_look": ("POST", REVIEWERS),
    "inbox_answer": ("GET", REVIEWERS),
    "inbox_take_back": ("POST", REVIEWERS),
    "feedback": ("GET", REVIEWERS),
    "exports": ("GET", MANAGERS),
    "export": ("GET", MANAGERS),
    "export_rows": ("GET", MANAGERS),
    "export_zip": ("GET", MANAGERS),
    "export_file": ("GET", MANAGERS),
    "endpoints": ("GET", MANAGERS),
    "endpoint": ("GET", MANAGERS),
    "endpoint_probe": ("POST", MANAGERS),
    "endpoint_remove": ("POST", MANAGERS),
    "chat": ("GET", MEMBERS),
    "chat_conversation": ("GET", MEMBERS),  # an empty page; the talk itself is asked for below
    "chat_join": ("GET", EVERYONE),
    "chat_leave": ("POST", EVERYONE),
    "chat_api_conversations": ("GET", MEMBERS),
    "chat_api_conversation": ("GET", OWN),
    "chat_api_branch": ("POST", OWN),
    "chat_api_delete": ("POST", OWN),
    "chat_api_score": ("POST", OWN),
    "chat_api_turn": ("POST", MEMBERS),
    "chat_api_regenerate": ("POST", MEMBERS),
    "chat_api_choose": ("POST", MEMBERS),
    "chat_api_consent": ("POST", MEMBERS),
    "chat_api_seen": ("POST", MEMBERS),
    "chat_api_message": ("GET", OWN),
    "chat_api_stop": ("POST", OWN),
    "chat_api_react": ("POST", OWN),
    "chat_api_signal": ("POST", OWN),
    "chat_settings": ("GET", MANAGERS),
    "chat_link": ("POST", MANAGERS),
    "chat_link_revoke": ("POST", MANAGERS),
    "api_feedback": ("POST", "L L L L L L"),  # by key alone
    "api_job": ("GET", SOME_JOB),
    "api_job_cancel": ("POST", SOME_JOB),
    "api_import": ("POST", MANAGERS),
    "api_import_report_csv": ("GET", MANAGERS),
    "api_import_report_jsonl": ("GET", MANAGERS),
    "api_next": ("POST", ANNOTATORS),
    "api_progress": ("GET", ANNOTATORS),
    "api_assignment": ("GET", OWN),
    "api_heartbeat": ("POST", OWN),
    "api_draft": ("POST", OWN),
    "api_submit": ("POST", OWN),
    "api_skip": ("POST", OWN),
    "api_release": ("POST", OWN),
    "api_undo": ("POST", OWN),
    "api_report": ("POST", OWN),
    "api_formats": ("GET", SIGNED_IN),
    "api_recipe_presets": ("GET", SIGNED_IN),
    "api_recipes": ("GET", MANAGERS),
    "api_recipe": ("GET", MANAGERS),
    "api_snapshots": ("GET", MANAGERS),
    "api_snapshot": ("GET", MANAGERS),
    "api_snapshot_diff": ("GET", MANAGERS),
    "api_snapshot_sign_off": ("POST", MANAGERS),
    "api_snapshot_withdraw": ("POST", MANAGERS),
    "api_bundles": ("GET", MANAGERS),
    "api_bundle_zip": ("GET", MANAGERS),
    "api_exports": ("GET", MANAGERS),
    "api_export": ("GET", MANAGERS),
    "api_export_zip": ("GET", MANAGERS),
    "api_export_file": ("GET", MANAGERS),
    "chat_data": ("GET", "L N Y Y Y Y"),
    "chat_erase": ("POST", "L N Y Y Y Y"),
    "people_data": ("GET", MANAGERS),
    "people_export": ("POST", MANAGERS),
    "people_erase": ("POST", MANAGERS),
    "widget": ("GET", EVERYONE),  # a script for other sites
    "api_widget_tokens": ("POST", KEYS_ONLY),
    "api_widget_setup": ("GET", KEYS_ONLY),
    "api_widget_feedback": ("POST", KEYS_ONLY),
    "proxy_chat": ("POST", KEYS_ONLY),
    "proxy_models": ("GET", KEYS_ONLY),
    "proxy_model": ("GET", KEYS_ONLY),
    "proxy_root": ("GET", KEYS_ONLY),
    "proxy_unknown": ("GET", KEYS_ONLY),
    "proxy_without_v1": ("POST", "N N N N N N"),  # says where the proxy is
    "schema": ("GET", EVERYONE),
    "api_docs": ("GET", EVERYONE),
}


BODIES = {
    "api_draft": {"document": {}, "revision": 1},
    "api_submit": {"document": {"ranking": [["A"], ["B"]]}, "client_key": "k2"},
    "api_skip": {"reason": "unclear"},
    "chat_api_react": {"kind": "thumb", "value": 1},
    "chat_api_signal": {"name": "copy"},
}


def patterns(resolver=None, prefix=""):
    """(name, parameter names) of every URL of the house."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield entry.name or prefix + str(entry.pattern), tuple(entry.pattern.converters)


def test_every_url_has_a_row():
    names = {name for name, _params in patterns()}
    assert names - set(MATRIX) == set(), "URLs without a row in MATRIX"
    assert set(MATRIX) - names == set(), "rows without a URL"
    assert all(len(who.split()) == len(PEOPLE) for _method, who in MATRIX.values())


@pytest.fixture
def house(transactional_db, settings):
    """One project with a row behind every URL, and one person of every kind."""
    settings.JOB_SENDER = "tests.core.pages.test_role_matrix.nobody_listens"
    settings.ENDPOINT_HOSTS = ["127.0.0.1:9"]  # where nobody listens
    project = make_project("clinic", overlap=2)
    people = {"anonymous": None, "stranger": make_member(make_project("other"), "annotator")}
    people |= {role: make_member(project, role) for role in PEOPLE[2:]}
    item = make_item(project)
    assignment = queue.claim(project=project, user=people["annotator"])
    submitted = submit.submit(
        user=people["annotator"], pk=assignment.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="k"
    )
    make_item(project)
    _key, _text = new_key(user=people["manager"], project=project, role="annotator")
    _invite, token = invitations.create_invite(
        project=project, actor=people["manager"], role="annotator", days=7, uses=1
    )
    upload = uploads.stage(
        SimpleUploadedFile("a.jsonl", b'{"prompt": "x"}\n{"prompt": 5}\n'),
        project=project,
        user=people["manager"],
    )
    job = import_jobs.start(
        upload.path, project=project, actor=people["manager"], name="a.jsonl", options=uploads.Options()
    )
    jobs.run_now(job)
    upload = uploads.stage(
        SimpleUploadedFile("a.jsonl", b'{"prompt": "x"}\n'), project=project, user=people["manager"]
    )
    end_users.of_key(project, "patient-7")
    bundle = snapshots.build(project=project, actor=people["manager"], options=ExportOptions(format="jsonl"))
    version, _new = apply_recipe(
        project=project,
        actor=people["manager"],
        name="every-row",
        document=RecipeDocument.of({"kinds": ["sft", "preference", "ranked", "prompt"]}),
    )
    made = make_snapshot(project=project, actor=people["manager"], version=version)
    form = form_named("jsonl")
    of_recipe = make_bundle(snapshot=made, actor=people["manager"], form=form, options=options_for(form, {}))
    endpoint = endpoints.save(
        project=project,
        actor=people["manager"],
        name="Ward",
        base_url="http://127.0.0.1:9/v1",
        model_name="m",
        key="sk-1",
    )
    chat_settings.of(project)
    ChatSettings.objects.update(enabled=True, replies=ChatSettings.Replies.WRITTEN)
    said = make_talk(project, end_user=end_users.of_member(project, people["annotator"]))
    link, chat_token = chat_settings.create_link(
        project=project, actor=people["manager"], label="waiting room", days=7
    )
    rule = promotion.create(
        project=project, actor=people["manager"], name="Everything", kind="random", share=100
    )
    member = Member.objects.get(user=people["annotator"])
    ids = {
        "members_invite_revoke": Invite.objects.get().pk,
        "member": member.pk,
        "key_r": ApiKey.objects.get().pk,
        "job": job.pk,
        "import": job.pk,
        "api_job": job.pk,
        "api_import": job.pk,
        "item": item.pk,
        "review": item.pk,
        "api": assignment.pk,
        "chat_conversation": said[0].conversation_id,
        "chat_api": said[0].conversation_id,
        "chat_api_message": said[1].pk,
        "chat_api_stop": said[1].pk,
        "chat_api_react": said[1].pk,
        "chat_api_signal": said[1].pk,
        "chat_link_revoke": link.pk,
        "endpoint": endpoint.pk,
        "promotion": rule.pk,
        "inbox": said[1].pk,
        "api_bundle": of_recipe.pk,
    }
    return (
        project,
        people,
        ids,
        {
            "annotation_pk": submitted.annotation.pk,
            "number": bundle.snapshot.number,
            "recipe": "every-row",
            "earlier": made.number,
            "name": bundle.files[0]["path"],
            "upload": upload.token,
            "invite": token,
        }
        | {"model": "m", "rest": "files", "chat_join": chat_token},
    )


def nobody_listens(pk, queue_name):
    """Stands where jobs are sent to the broker: what becomes of them is not asked here."""


def url_of(name, params, house):
    project, _people, ids, given = house
    values = {}
    for param in params:
        if param == "slug":
            values[param] = project.slug
        elif param == "token":
            values[param] = given[name if name in ("invite", "chat_join") else "upload"]
        elif param == "pk":
            values[param] = next(
                pk for start, pk in sorted(ids.items(), key=lambda e: -len(e[0])) if name.startswith(start)
            )
        elif param == "number" and name.startswith("api_snapshot"):
            values[param] = given["earlier"]
        else:
            values[param] = given[param]
    return reverse(name, kwargs=values) + QUERIES.get(name, "")


# What a page needs in its address beside its path, to be more than a 404.
QUERIES = {"export_rows": "?file=train.jsonl"}


def answer_letter(response) -> str:
    if response.status_code == 401 or (
        response.status_code == 302 and response["Location"].startswith("/login/")
    ):
        return "L"
    return {404: "N", 403: "F"}.get(
        response.status_code, "Y" if response.status_code < 500 else str(response.status_code)
    )


def test_every_person_at_every_url(house):
    """One request each, undone again; the whole table at once, so that a failure shows all that moved."""
    given = {"version": AnnotationVersion.objects.get().pk}
    wrong = {}
    for name, params in patterns():
        method, who = MATRIX[name]
        url = url_of(name, params, house)
        got = []
        for person in PEOPLE:
            client = Client(raise_request_exception=False)
            if house[1][person] is not None:
                client.force_login(house[1][person])
            with transaction.atomic():
                if method == "POST":
                    api = "/api/" in url
                    response = client.post(
                        url,
                        data=BODIES.get(name, given),
                        **({"content_type": "application/json"} if api else {}),
                    )
                else:
                    response = client.get(url)
                response.close()
                transaction.set_rollback(True)
            got.append(answer_letter(response))
        if " ".join(got) != who:
            wrong[name] = (who, " ".join(got))
    assert wrong == {}, "\n".join(f"{name}: wanted {want}, got {got}" for name, (want, got) in wrong.items())


# Take a form and are no page by themselves, and yet do not lead to one when opened: what is asked of a script
# there (or of the review page) is not what a person meets in the address bar.
NO_WAY_BACK = {"logout", "preferences", "bench_keys", "chat_leave"}


def test_the_address_of_a_form_opened_as_a_page_leads_to_the_page_it_stands_on(house):
    """As the language buttons and a reload do, on a page that a form's answer was. Roles are told the same as
    the form tells them."""
    # whose it is, is asked by the page it leads to, or where it is changed
    own = {"key_rotate", "key_revoke", "job_cancel", "chat_erase"}
    for name, params in patterns():
        method, who = MATRIX[name]
        url = url_of(name, params, house)
        if method != "POST" or name in NO_WAY_BACK or url.startswith(("/api/", "/v1/")) or "/api/" in url:
            continue
        for person, letter in zip(PEOPLE, who.split(), strict=True):
            client = Client()
            if house[1][person] is not None:
                client.force_login(house[1][person])
            response = client.get(url)
            if name not in own:
                assert answer_letter(response) == letter, (name, person)
            if response.status_code == 302 and answer_letter(response) == "Y":
                page = client.get(response["Location"])
                assert page.status_code == 200 or (name in own and answer_letter(page) in "LN"), (
                    name,
                    person,
                    page.status_code,
                )
            else:
                assert answer_letter(response) != "Y", (name, person, response.status_code)
