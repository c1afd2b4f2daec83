"""As whom PostgreSQL runs: it refuses to run as root, and root is whom containers and servers often have."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.local.errors import LaunchError

# Inside such a namespace the server sees an ordinary user id, while the kernel still grants root's file
# rights: no other account, no opened-up folders.
_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


@dataclass(frozen=True)
class Identity:
    """How to start a command as somebody PostgreSQL accepts."""

    prefix: tuple[str, ...] = ()
    user: str | None = None

    @property
    def uid(self) -> int:
        """The owner that the server's files must have."""
        return pwd.getpwnam(self.user).pw_uid if self.user else os.geteuid()

    def run(self, *command: str | Path, output: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as that identity, its output captured or in a file."""
        account = pwd.getpwnam(self.user) if self.user else None
        return subprocess.run(  # noqa: S603 - commands are made in this package
            [*self.prefix, *(os.fspath(part) for part in command)],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            cwd="/",
            env={**{k: v for k, v in os.environ.items() if not k.startswith("PG")}, "LC_ALL": "C"},
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=() if account else None,
        )

    def own(self, folder: Path) -> None:
        """Give a folder and all below it to that identity."""
        if os.geteuid() != 0:
            return
        account = pwd.getpwuid(self.uid)
        for path in [folder, *folder.rglob("*")]:
            if path.lstat().st_uid != account.pw_uid:
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def choose(folder: Path, binary: Path, *, namespaces: bool = True) -> Identity:
    """The identity for a server that keeps its files in ``folder``.

    A plain user is itself. Root takes a user namespace, and where those are forbidden (some containers) the
    account ``postgres`` or ``nobody``, if that one can reach the folder and the binary.
    """
    if os.geteuid() != 0:
        return Identity()
    if namespaces and shutil.which("unshare") and Identity(_NAMESPACE).run("true").returncode == 0:
        return Identity(_NAMESPACE)
    for user in ("postgres", "nobody"):
        try:
            identity = Identity(user=user)
            identity.own(folder)
        except KeyError:
            continue
        reach = "import os, sys; sys.exit(not (os.access(sys.argv[1], 7) and os.access(sys.argv[2], 5)))"
        if identity.run("/usr/bin/env", "python3", "-c", reach, folder, binary).returncode == 0:
            return identity
    raise LaunchError(
        "PostgreSQL does not run as root, user namespaces are forbidden here, and no other account can reach "
        f"{folder}: run as a plain user, or set DATABASE_URL."
    )
