"""The web server: one gevent worker holds thousands of open event streams at about 20 KB each."""

# ruff: noqa: E402

# Before any other import: what is imported unpatched would block every stream of the process.
from gevent import monkey

monkey.patch_all()

import gc
import resource
import signal
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from app.config import Settings
from app.supervisor.lifeline import die_with_parent

_settings = Settings()
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host

bind = f"{_host}:{_settings.port}"
worker_class = "gevent"
workers = _settings.web_workers
worker_connections = 4000
backlog = 2048
# Each second of it can lengthen a stop, since an idle kept-alive connection counts as busy.
keepalive = 5
timeout = 60
graceful_timeout = 10
# The application logs each request itself, with its id; gunicorn speaks up when something is wrong.
accesslog = None
loglevel = "warning"
# Its path is the same for every instance of a user, and nothing here uses it.
control_socket_disable = True
_memory = Path("/dev/shm")  # noqa: S108 - gunicorn makes its files there safely
if _memory.is_dir():
    # The workers' sign of life is a file: on a slow disk it would freeze them.
    worker_tmp_dir = str(_memory)


def on_starting(server: Any) -> None:
    """Allow as many open files as the system lets us: each stream is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS says "infinite" and refuses it.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 10_240, hard))


def post_fork(server: Any, worker: Any) -> None:
    """End the worker with its master, even when that is killed; spare it the collector while it loads the application."""
    die_with_parent(server.pid)
    # Of what is made then nothing is garbage, and walking through it again and again takes a quarter of the time.
    gc.disable()


def post_worker_init(worker: Any) -> None:
    """Warm the models; end open event streams on SIGTERM, where gunicorn has no hook and would wait for them."""
    # Here the application has been loaded, in the worker; at the top of this file it must not be.
    from app.admin.processes import report_for_ever
    from app.llm.gateway import warm
    from app.semantic.reader import meaning
    from app.web.sse import stop_all
    from app.web.whole_answers import send_whole_answers
    from wsgi import app

    send_whole_answers()
    with app.app_context():
        warm()
        # Begins to load the model for finding by meaning, where there is one.
        meaning().state()
    report_for_ever(app, "web")
    # What is there now stays: the collector need not walk through it again and again (0.1 s each time).
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    gc.enable()

    def stop(number: int, frame: FrameType | None) -> None:
        stop_all()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)
