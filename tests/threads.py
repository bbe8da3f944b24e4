"""Several people at once, in the process of the test."""

import threading

from django.db import connections


def at_once(*jobs) -> list[BaseException]:
    """Run the functions in a thread each, started together; the exceptions they ended with."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(jobs))

    def run(job):
        try:
            start.wait(10)
            job()
        except BaseException as exc:
            errors.append(exc)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not any(t.is_alive() for t in threads)
    return errors
