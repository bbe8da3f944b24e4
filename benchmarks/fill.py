"""Fills a PostgreSQL database with a project of any size by statements that make rows of numbers, so that a
million items take minutes: for benchmarks of pages, not for tests of what stands in the rows."""

from datetime import date, datetime
from uuid import UUID

from django.db import connection

WORDS = 4000  # different words of the texts, the first ones far more frequent than the last
OWN = 12  # words of one item
DAYS = 60


def rows(model, of: str, **columns: str) -> None:
    """INSERT one row of `model` for each row of the SQL `of` (the text after FROM), where a column's value is
    the SQL expression of that name; columns that are not given take the model's own default."""
    given = dict(columns)
    for field in model._meta.concrete_fields:
        if field.column in given or field.primary_key:
            continue
        given[field.column] = _literal(field)
    names = ", ".join(f'"{name}"' for name in given)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(given.values())} FROM {of}"
        )


def _literal(field) -> str:
    if field.get_internal_type() in ("DateTimeField",) and not field.null:
        return "now()"
    value = field.get_default() if field.has_default() else None
    if value is None:
        return "NULL" if field.null else "''"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | dict):
        return "'[]'" if isinstance(value, list) else "'{}'"
    if isinstance(value, str | UUID | date | datetime):
        return f"'{value}'"
    raise TypeError(f"{field}: {value!r}")


def number(sql: str, *params) -> int:
    """The one number that `sql` gives."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]


def run(sql: str) -> None:
    """One statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql)


def project(items: int, *, annotators: int = 10, answers: int = 3, talks: int = 0, say=print):
    """A project of `items` ranking items with `answers` answers each of four models, two judgements on every
    second item by `annotators` people, and `talks` chats with a thumb; its manager and the project. Two
    fifths of the items are done, as many open, each hundredth settled."""
    from annotation import models as bench
    from annotation.projects import actions as projects
    from core.models import Event, Member, User
    from corpus import models as corpus
    from feedback import models as said

    manager = User.objects.create_user("lead", is_superuser=True)
    made = projects.create(actor=manager, slug="big", title="Big", kind="ranking", overlap=2)
    p = made.pk
    for name in ("tuned", "base", "other", "human"):
        corpus.ModelVersion.objects.create(project=made, name=name)
    first_model = number("SELECT min(id) FROM corpus_modelversion WHERE project_id = %s", p)
    judges = []
    for n in range(annotators):
        user = User.objects.create_user(f"judge{n}")
        Member.objects.create(project=made, user=user, role="annotator")
        judges.append(bench.Annotator.objects.create(project=made, user=user, pseudonym=f"J{n}").pk)
    judge = f"{judges[0]} + ({{}}) % {annotators}"
    say("texts")
    run("SET work_mem = '256MB'")
    # word k of the vocabulary: a Latin one or two Chinese characters; frequent ones by a power of the draw
    run(
        "CREATE TEMPORARY TABLE vocabulary AS SELECT k, CASE WHEN k % 4 = 0 THEN 'word' || k "
        f"ELSE chr(19968 + k) || chr(20968 + k * 7 % 900) END AS word FROM generate_series(0, {WORDS - 1}) k"
    )
    run("CREATE UNIQUE INDEX ON vocabulary (k)")
    draw = "(hashint8(i * 100 + j)::bigint + 2147483648) / 4294967296.0"
    run(
        "CREATE TEMPORARY TABLE words AS SELECT i, string_agg(word, ' ') AS text FROM ("
        f"SELECT DISTINCT i, floor({WORDS} * power({draw}, 3))::int AS k "
        f"FROM generate_series(1, {items}) i, generate_series(1, {OWN}) j) drawn "
        "JOIN vocabulary USING (k) GROUP BY i"
    )
    run("CREATE UNIQUE INDEX ON words (i)")
    rows(
        corpus.Prompt,
        "words ORDER BY i",
        project_id=str(p),
        messages="jsonb_build_array(jsonb_build_object('role', 'user', 'content', text || ' ' || i))",
        language="CASE WHEN i % 3 = 0 THEN 'en' ELSE 'zh' END",
        content_hash="md5(i::text) || md5((i + 1)::text)",
    )
    base = number("SELECT min(id) FROM corpus_prompt WHERE project_id = %s", p) - 1
    batch = corpus.ImportBatch.objects.create(project=made, name="big.jsonl").pk
    rows(
        corpus.PromptOrigin,
        f"generate_series(1, {items}) i",
        prompt_id=f"{base} + i",
        batch_id=str(batch),
        line="i",
        external_id="'row-' || i",
    )
    rows(
        corpus.Response,
        f"words, generate_series(0, {answers - 1}) j ORDER BY i, j",
        prompt_id=f"{base} + i",
        text="repeat(text || ' ', 2 + (i + j)::int % 3) || j",
        origin="'model'",
        model_version_id=f"{first_model} + j",
        text_hash="md5(i || '-' || j) || md5('t')",
        identity_hash="md5(i || '-' || j) || md5('i')",
    )
    answer = number(
        "SELECT min(r.id) FROM corpus_response r JOIN corpus_prompt p ON p.id = r.prompt_id "
        "WHERE p.project_id = %s",
        p,
    )
    say("items")
    done, settled = "i % 5 < 2", "i % 100 = 0"
    rows(
        bench.Item,
        f"generate_series(1, {items}) i",
        project_id=str(p),
        prompt_id=f"{base} + i",
        kind="'ranking'",
        state=f"CASE WHEN {settled} THEN 'settled' WHEN {done} THEN 'done' ELSE 'open' END",
        hidden="i % 10007 = 0",
        frozen="true",
        position="i",
        overlap="2",
        slot_count=str(answers),
        words_slots=str(answers),
        held=f"CASE WHEN {settled} OR {done} THEN 2 ELSE 0 END",
        submitted=f"CASE WHEN {settled} OR {done} THEN 2 ELSE 0 END",
        agreement=f"CASE WHEN {settled} OR {done} THEN ((i::bigint * 7919) % 200) / 100.0 - 1 END",
    )
    item = number("SELECT min(id) FROM annotation_item WHERE project_id = %s", p) - 1
    rows(
        bench.ItemAnswer,
        f"generate_series(1, {items}) i, generate_series(0, {answers - 1}) j ORDER BY i, j",
        item_id=f"{item} + i",
        response_id=f"{answer} + (i - 1) * {answers} + j",
        slot="j",
    )
    rows(
        bench.ItemTag,
        f"generate_series(1, {items}) i WHERE i % 4 = 0",
        item_id=f"{item} + i",
        name="'tag' || i % 20",
    )
    rows(
        bench.ItemFlag,
        f"generate_series(1, {items}, 10007) i",
        item_id=f"{item} + i",
        reason="'personal_data'",
    )
    rows(bench.ItemWords, "words", item_id=f"{item} + i", project_id=str(p), words="text || ' ' || i")
    say("judgements")
    judged = f"generate_series(1, {items}) i, generate_series(0, 1) j WHERE {settled} OR {done}"
    at = f"now() - (i % {DAYS}) * interval '1 day'"
    who = judge.format("i + j * 3")
    rows(
        bench.Assignment,
        judged,
        project_id=str(p),
        item_id=f"{item} + i",
        annotator_id=who,
        state="'submitted'",
        slot="j",
        order="'[0, 1, 2]'",
        opened_at=at,
        active_ms="20000 + (i * 37) % 90000",
        created_at=at,
    )
    state = (
        "CASE WHEN i % 5 = 0 AND i % 100 <> 0 THEN 'submitted' WHEN i % 1000 = 1 THEN 'returned' "
        "ELSE 'accepted' END"
    )
    rows(
        bench.Annotation,
        f"{judged} ORDER BY i, j",
        project_id=str(p),
        item_id=f"{item} + i",
        annotator_id=who,
        state=state,
        created_at=at,
        updated_at=at,
    )
    rows(
        bench.AnnotationVersion,
        f"annotation_annotation a WHERE a.project_id = {p} ORDER BY a.id",
        annotation_id="a.id",
        number="1",
        document="jsonb_build_object('schema', 1, 'acceptable', 1, 'ranking', "
        "CASE WHEN a.id % 3 = 0 THEN '[[1], [0, 2]]'::jsonb ELSE '[[0], [1], [2]]'::jsonb END) || "
        "CASE WHEN a.id % 6 = 0 THEN '{\"comment\": \"c\"}'::jsonb ELSE '{}'::jsonb END",
        order="'[0, 1, 2]'",
        active_ms="20000 + (a.id * 37) % 90000",
        client_key="'k' || a.id",
        event_id="0",
        created_at="a.created_at",
    )
    run(
        "UPDATE annotation_annotation a SET head_id = v.id, read_version = v.id "
        f"FROM annotation_annotationversion v WHERE v.annotation_id = a.id AND a.project_id = {p}"
    )
    heads = f"annotation_annotation a JOIN annotation_item t ON t.id = a.item_id WHERE a.project_id = {p}"
    pairs = f"(VALUES (0, 1), (0, 2), (1, 2)) AS pair(x, y) WHERE a.project_id = {p} ORDER BY a.id"
    rows(
        bench.Outcome,
        heads.replace(f"WHERE a.project_id = {p}", f"CROSS JOIN {pairs}"),
        project_id=str(p),
        item_id="a.item_id",
        prompt_id="t.prompt_id",
        annotation_id="a.id",
        version_id="a.head_id",
        source="'person'",
        a_id=f"{first_model} + x",
        b_id=f"{first_model} + y",
        result="CASE WHEN a.id % 3 = 0 THEN (CASE WHEN x = 0 AND y = 2 THEN 0 ELSE -1 END) ELSE 1 END",
        longer="CASE WHEN (a.item_id + x) % 3 > (a.item_id + y) % 3 THEN 1 ELSE -1 END",
        first="1",
        language="CASE WHEN a.item_id % 3 = 0 THEN 'en' ELSE 'zh' END",
    )
    rows(
        bench.Facet,
        f"annotation_annotation a WHERE a.project_id = {p} AND a.id % 6 = 0",
        project_id=str(p),
        item_id="a.item_id",
        annotation_id="a.id",
        version_id="a.head_id",
        source="'person'",
        name="'comment'",
    )
    rows(
        bench.Review,
        f"annotation_annotation a WHERE a.project_id = {p} AND a.state = 'accepted'",
        version_id="a.head_id",
        reviewer_id=str(manager.pk),
        decision="'accept'",
        event_id="0",
    )
    rows(
        bench.DailyFigure,
        f"generate_series(0, {annotators - 1}) n, generate_series(0, {DAYS - 1}) d",
        project_id=str(p),
        annotator_id=f"{judges[0]} + n",
        day="current_date - d",
        submitted=str(max(1, items * 4 // 5 // annotators // DAYS)),
        active_ms="3600000",
    )
    rows(
        Event,
        f"annotation_annotation a WHERE a.project_id = {p} ORDER BY a.id",
        project_id=str(p),
        verb="'submit'",
        target="'annotation'",
        target_id="a.id",
        at="a.created_at",
    )
    bench.BenchSettings.objects.filter(project=made).update(next_position=items + 1)
    if talks:
        say("talks")
        person = said.EndUser.objects.create(project=made, key_hash="k" * 64).pk
        at = f"now() - (i % {DAYS}) * interval '1 day'"
        rows(
            said.Conversation,
            f"generate_series(1, {talks}) i",
            project_id=str(p),
            end_user_id=str(person),
            created_at=at,
            updated_at=at,
        )
        talk = number("SELECT min(id) FROM feedback_conversation WHERE project_id = %s", p) - 1
        for role, parent, model in (("user", "NULL", "NULL"), ("assistant", "", f"{first_model} + i % 2")):
            if not parent:
                parent = f"{number('SELECT min(id) FROM feedback_message WHERE project_id = %s', p) - 1} + i"
            rows(
                said.Message,
                f"generate_series(1, {talks}) i JOIN words USING (i)" if talks <= items else "words",
                project_id=str(p),
                conversation_id=f"{talk} + i",
                parent_id=parent,
                role=f"'{role}'",
                text="text",
                model_version_id=model,
                created_at=at,
            )
        rows(
            said.Reaction,
            "feedback_message m WHERE m.role = 'assistant' AND m.project_id = " + str(p),
            project_id=str(p),
            end_user_id=str(person),
            message_id="m.id",
            kind="'thumb'",
            value="CASE WHEN m.id % 4 = 0 THEN -1 ELSE 1 END",
            created_at="m.created_at",
        )
    say("statistics of the database")
    run("ANALYZE")
    return manager, made
