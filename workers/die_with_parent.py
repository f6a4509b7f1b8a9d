"""Start a program that dies with its parent: `python die_with_parent.py PARENT_PID SIGNAL UID GID -- program
argument...`

On Linux the kernel sends SIGNAL to the program when the parent ends in any way, so that even `kill -9` on
`tierline up` leaves no server behind. Elsewhere the next start ends what was left over (`workers.processes`).

It is a script that replaces itself by the program, not a `preexec_fn`: running Python between fork and exec
can deadlock a parent that has threads, and our parents have gRPC's. It uses the standard library only,
because it runs isolated from the virtual environment.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Drop to UID and GID (-1: stay), tie this process to its parent's life, become the program."""
    parent, signal, uid, gid = (int(word) for word in argv[:4])
    program = argv[5:]
    os.umask(0o077)  # what our processes write is for this user only: tickets are in it
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid: the kernel forgets the setting when credentials change.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the parent process ended before its child had started")
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
