"""Starts one server or service so that it ends with its parent: `launcher.py PARENT_PID SIGNAL UID:GID|- COMMAND...`.

Run by path in a bare interpreter, so it needs the standard library only. The kernel sends the signal when the parent's *thread* that
made this process ends, however it ends: the caller starts processes from a thread that lives as long as they shall.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent_pid, signal_number, account, *command = arguments
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(parent_pid):
        sys.exit("the parent ended before its child began")
    os.execvp(command[0], command)  # noqa: S606 (no shell is the point; the caller is our own supervisor)


if __name__ == "__main__":
    main(sys.argv[1:])
