"""A slow line for browser tests (`TEST_SLOW`, see tests.browser)."""

import os
import time

SLOW = int(os.environ.get("TEST_SLOW", "0"))


def put_off(get_response):
    """Django middleware: every answer comes `SLOW` milliseconds late, half of them after the work is done,
    and no browser keeps it."""

    def middleware(request):
        time.sleep(SLOW / 2000)
        response = get_response(request)
        time.sleep(SLOW / 2000)
        response["Cache-Control"] = "no-store"
        return response

    return middleware
