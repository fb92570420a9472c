"""Root becomes another user and starts a sandbox: `enter.py UID GID STAGE FOLDER … -- PROGRAM ARGUMENT …`.

Each FOLDER is bound to a number below STAGE first, in a namespace that nobody else sees, because the other user may not
be able to reach it (a Python below /root). It imports nothing of the course and little of Python: it is started often.
"""

import ctypes
import os
import sys

NEW_MOUNTS, NO_SUID, BIND, RECURSIVE, PRIVATE = 0x00020000, 2, 0x1000, 0x4000, 1 << 18


def main(user: str, group: str, stage: str, *rest: str) -> None:
    folders, program = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    libc = ctypes.CDLL(None, use_errno=True)

    def done(status: int, what: str) -> None:
        if status:
            sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")

    done(libc.unshare(NEW_MOUNTS), "a namespace for root's folders")
    done(libc.mount(b"none", b"/", None, ctypes.c_ulong(PRIVATE | RECURSIVE), None), "private mounts")
    done(libc.mount(b"tmpfs", stage.encode(), b"tmpfs", ctypes.c_ulong(NO_SUID), b"mode=755,size=1m"), stage)
    for number, folder in enumerate(folders):
        os.mkdir(f"{stage}/{number}")
        target = f"{stage}/{number}".encode()
        done(libc.mount(os.fsencode(folder), target, None, ctypes.c_ulong(BIND | RECURSIVE), None), folder)
    os.setgroups([])
    os.setresgid(int(group), int(group), int(group))
    os.setresuid(int(user), int(user), int(user))
    libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: becoming somebody else has cleared it
    os.execv(program[0], program)


if __name__ == "__main__":
    main(*sys.argv[1:])
