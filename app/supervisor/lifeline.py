"""A process that ends when its parent does."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
# Loaded here, since nothing may be imported between fork and exec.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process as soon as its parent, the process `parent`, is gone.

    Linux only; elsewhere it does nothing. The kernel looks at the thread that forked: fork in the main one.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have gone between the fork and the line above.
    if os.getppid() != parent:
        os._exit(1)
