"""Celery's messages as files in a folder, for the embedded mode: kombu's transport with its two holes
stopped.

kombu writes a message in place, so that a reader can take a file that is still empty (and the worker then
dies of it), and moves what it takes through the machine's common temporary folder."""

import os
import uuid
from pathlib import Path
from queue import Empty
from time import time

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    def _put(self, queue, payload, **kwargs):
        """A whole file or none: written beside, then renamed."""
        folder = Path(self.data_folder_out)
        name = f"{int(time() * 1000)}_{uuid.uuid4().hex}.{queue}.msg"
        part = folder / f"{name}.part"
        try:
            part.write_bytes(dumps(payload).encode())
            part.rename(folder / name)
        except OSError:
            part.unlink(missing_ok=True)  # a full disk leaves an empty file
            raise

    def _get(self, queue):
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f"{name}.taken"
            try:
                (folder / name).rename(taken)  # two readers: one of them gets it
            except FileNotFoundError:
                continue
            text = taken.read_bytes()
            taken.unlink()
            try:
                return loads(text.decode())
            except ValueError:
                continue  # a disk that was full; the sweep of jobs calls again
        raise Empty


class Transport(filesystem.Transport):
    Channel = Channel
