"""Reading by many values at once, with the same statement for one as for a thousand."""

import json
from collections.abc import Collection

from django.db import connection


def select(sql: str, project: int, *many: Collection) -> list[tuple]:
    """Rows of `sql`, whose first parameter is the project, and in which ANY? stands for "is one of the next collection in `many`"."""
    if connection.vendor == "postgresql":
        sql, values = sql.replace("ANY?", "= ANY(%s)"), [list(m) for m in many]
    else:
        sql, values = sql.replace("ANY?", "IN (SELECT value FROM json_each(%s))"), [json.dumps(list(m)) for m in many]
    with connection.cursor() as cursor:
        cursor.execute(sql, [project, *values])
        return cursor.fetchall()
