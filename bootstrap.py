"""From a bare Python to a complete virtual environment: the first thing `main.py` does.

Only the standard library, and only syntax that Python 3.6 can read, so that an
old `python3` gets as far as finding a newer one and handing over to it.

`.venv` is made without pip, which is the slow part of making one. uv installs the
locked packages; uv itself comes, at a locked version, through the pip of the
interpreter that runs this file. Where uv cannot do it, that pip does. The
environment is complete when its stamp says so: the stamp is written last, so an
interrupted installation is repeated.

A complete environment is used whichever Python starts `main.py`; to change its
Python, remove `.venv`.
"""

import ast
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from io import BufferedRandom

OLDEST_PYTHON = (3, 11)
NEWEST_TRIED_PYTHON = (3, 14)

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed.txt")
LOG = os.path.join(VENV, "setup.log")
INSTALLER = os.path.join(VENV, "installer")

RUN_LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"
INSTALLER_LOCK = "installer.lock"
NEED_TEST_LOCK = ("test", "lint")

# pip's settings, and the variable by which uv is told the same
UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}


class SetupFailed(Exception):
    """The environment cannot be made; the message is one line for the person who started the command."""


def continue_in_environment() -> None:
    """Return inside a complete `.venv`, making it first where needed.

    Under any other Python this replaces the process by the same command under the
    environment's Python, and does not return. Ends the process with one line on
    standard error when no environment can be made.
    """
    # The test lock holds the run lock's packages too; both are stamped when it is installed.
    needs_tests = _subcommand() in NEED_TEST_LOCK and not {"-h", "--help"} & set(sys.argv)
    locks = [RUN_LOCK, TEST_LOCK] if needs_tests else [RUN_LOCK]
    try:
        if not _is_complete(locks):
            if sys.version_info < OLDEST_PYTHON:
                _hand_over(_newer_python())
            _make_environment(locks)
    except SetupFailed as failure:
        sys.exit(f"main.py: {failure}")
    except OSError as failure:
        sys.exit(f"main.py: cannot set up {VENV}: {failure.strerror}: {failure.filename}")
    except KeyboardInterrupt:
        sys.exit(130)
    if not _is_inside():
        _hand_over(VENV_PYTHON)


def _subcommand() -> str:
    return next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")


def _is_inside() -> bool:
    return os.path.realpath(sys.prefix) == os.path.realpath(VENV)


def _hand_over(python: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [python, os.path.join(ROOT, "main.py"), *sys.argv[1:]])


def _newer_python() -> str:
    """A new enough Python on PATH, those the locks were tried with first and the newest of them before all."""
    minors = range(NEWEST_TRIED_PYTHON[1], OLDEST_PYTHON[1] - 1, -1)
    is_new_enough = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    for name in [f"python3.{minor}" for minor in minors] + ["python3"]:
        found = shutil.which(name)
        # Version managers put names on PATH that answer only while that version is switched on: ask.
        if found and subprocess.call([found, "-c", is_new_enough], stderr=subprocess.DEVNULL) == 0:
            return found
    here = "{}.{}".format(*sys.version_info)
    raise SetupFailed(f"needs Python 3.{OLDEST_PYTHON[1]} or newer; this is {here} and PATH holds no newer one")


# ── is it complete? ──────────────────────────────────────────────────────────


def _is_complete(locks: "list[str]") -> bool:
    try:
        with open(STAMP, encoding="utf-8") as stamp:
            installed = stamp.read().splitlines()
    except OSError:
        return False
    # The interpreter's real path: an operating system's upgrade may swap what `.venv/bin/python` points to.
    return set(_stamp_lines(locks)) <= set(installed) and os.path.exists(VENV_PYTHON)


def _stamp_lines(locks: "list[str]") -> "list[str]":
    lines = ["python " + os.path.realpath(VENV_PYTHON)]
    for name in locks:
        with open(os.path.join(ROOT, name), "rb") as lock:
            lines.append(f"{name} {hashlib.sha256(lock.read()).hexdigest()}")
    return lines


# ── making it ────────────────────────────────────────────────────────────────


def _make_environment(locks: "list[str]") -> None:
    def end(signum: int, frame: object) -> None:
        raise SystemExit(128 + signum)

    if not os.access(ROOT, os.W_OK):
        raise SetupFailed(f"cannot write to {ROOT}, where .venv is to be made")
    # The project's folder itself is the lock, so that no lock file stays behind. The installers inherit
    # it: should this process be killed, the next start waits until they have ended too.
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("another start is setting up .venv: waiting for it")
        fcntl.flock(folder, fcntl.LOCK_EX)
    before = signal.signal(signal.SIGTERM, end)
    try:
        if not _is_complete(locks):
            _say("setting up .venv for this folder, once")
            _fill_environment(locks, folder)
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(folder)


def _fill_environment(locks: "list[str]", folder: int) -> None:
    base_python = getattr(sys, "_base_executable", sys.executable) if _is_inside() else sys.executable
    if os.path.exists(STAMP) and os.path.exists(VENV_PYTHON):
        # Changed locks are synchronised in place: a market may be running from this environment.
        os.remove(STAMP)
    else:
        import venv

        venv.EnvBuilder(clear=True, symlinks=True).create(VENV)
    run = _Installers(folder)
    _install(locks[-1], base_python, run)
    with open(STAMP + ".new", "w", encoding="utf-8") as stamp:
        stamp.write("\n".join(_stamp_lines(locks)) + "\n")
    os.replace(STAMP + ".new", STAMP)


def _install(lock: str, base_python: str, run: "_Installers") -> None:
    pip, uv = _find_installers(base_python, run)
    settings = _pip_settings(pip, run) if pip else {}
    if uv or (pip and _fetch_uv(pip, run)):
        command = [uv or os.path.join(INSTALLER, "uv", "bin", "uv"), "pip", "sync", "--python", VENV_PYTHON]
        command += ["--require-hashes", "--no-build", "--compile-bytecode", lock]
        # A certificate authority of the machine's own is unknown to uv until it is told to look there.
        for attempt in (command, [*command, "--system-certs"]):
            if run(f"installing the packages of {lock}", attempt, _uv_environment(settings)):
                return
    if pip:
        command = [*pip, "--python", VENV_PYTHON, "install", "--require-hashes", "--only-binary", ":all:"]
        if run(f"installing the packages of {lock} with pip", [*command, "-r", lock], _pip_environment()):
            return
    raise SetupFailed(f"the packages of {lock} could not be installed ({run.last_words}); see {LOG}")


def _find_installers(base_python: str, run: "_Installers") -> "tuple[list[str], str]":
    """The command that runs a pip, and the path of a uv that needs no fetching; either may be empty."""
    wheel = os.environ.get("BLULEND_PIP", "")
    if wheel:
        return _unpack_installer(wheel, base_python)
    if run.quietly([base_python, "-c", "import pip"]):
        return [base_python, "-m", "pip"], ""
    if run.quietly([base_python, "-c", "import ensurepip"]) and run(
        "unpacking pip, which this Python lacks", [VENV_PYTHON, "-m", "ensurepip"], dict(os.environ)
    ):
        return [VENV_PYTHON, "-m", "pip"], ""
    raise SetupFailed(
        f"{base_python} has neither pip nor ensurepip: install one (Debian, Ubuntu: apt install python3-venv), "
        "or set BLULEND_PIP to the path of a local pip or uv wheel"
    )


def _unpack_installer(wheel: str, base_python: str) -> "tuple[list[str], str]":
    import zipfile

    name = os.path.basename(wheel)
    target = os.path.join(INSTALLER, "given")
    if not name.startswith(("pip-", "uv-")) or not zipfile.is_zipfile(wheel):
        raise SetupFailed(f"BLULEND_PIP is {wheel!r}: expected the path of a pip or uv wheel (pip-….whl, uv-….whl)")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
        programs = [member for member in archive.namelist() if member.endswith(".data/scripts/uv")]
    if name.startswith("pip-"):
        return [base_python, os.path.join(target, "pip")], ""
    if not programs:
        raise SetupFailed(f"BLULEND_PIP is {wheel!r}: that wheel holds no uv program")
    program = os.path.join(target, programs[0])
    os.chmod(program, 0o755)
    return [], program


def _fetch_uv(pip: "list[str]", run: "_Installers") -> bool:
    folder = os.path.join(INSTALLER, "uv")
    copied_lock = os.path.join(folder, INSTALLER_LOCK)
    with open(os.path.join(ROOT, INSTALLER_LOCK), "rb") as wanted:
        lock = wanted.read()
    if os.path.exists(copied_lock):
        with open(copied_lock, "rb") as present:
            if present.read() == lock:
                return True
    shutil.rmtree(folder, ignore_errors=True)
    command = [*pip, "install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"]
    if not run("fetching the installer", [*command, "--target", folder, "-r", INSTALLER_LOCK], _pip_environment()):
        return False
    with open(copied_lock, "wb") as present:
        present.write(lock)
    return True


# ── settings of the two installers ───────────────────────────────────────────


def _pip_environment() -> "dict[str, str]":
    # Constraints are dropped because the locks already pin every version and hash.
    return dict(
        os.environ, PIP_REQUIRE_VIRTUALENV="0", PIP_USER="0", PIP_NO_INPUT="1", PIP_CONSTRAINT="",
        PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore",
    )  # fmt: skip


def _pip_settings(pip: "list[str]", run: "_Installers") -> "dict[str, str]":
    """pip's own settings of files and environment: `index-url` and the like, values separated by spaces."""
    settings = {}
    # Listed in rising precedence but for one thing: a command's own section beats the global one.
    listed = [line.partition("=") for line in run.output([*pip, "config", "list"]).splitlines()]
    for section in ("global", "install", ":env:"):
        for name, _, value in listed:
            key_section, _, key = name.rpartition(".")
            if key_section == section and value:
                settings[key] = " ".join(ast.literal_eval(value).split())
    return settings


def _uv_environment(pip_settings: "dict[str, str]") -> "dict[str, str]":
    """The environment for uv: pip's index and certificate settings under uv's names, unless uv has its own.

    They are passed by environment because an address may hold a password, which a command line would show.
    """
    environment = dict(os.environ)
    for key, variable in UV_VARIABLES.items():
        if pip_settings.get(key):
            environment.setdefault(variable, pip_settings[key])
    # pip takes the best version of all indexes and uv of the first that has the package; the hashes make both safe.
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if not _may_keep_a_cache(environment):
        environment["UV_NO_CACHE"] = "1"
    return environment


def _may_keep_a_cache(environment: "dict[str, str]") -> bool:
    home_cache = os.path.join(os.path.expanduser("~"), ".cache")
    folder = environment.get("UV_CACHE_DIR") or environment.get("XDG_CACHE_HOME") or home_cache
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK)


# ── running them, and saying so ──────────────────────────────────────────────


class _Installers:
    """Runs the installers with their output in the log, and tells the person what takes so long."""

    def __init__(self, lock_descriptor: int) -> None:
        self._lock_descriptor = lock_descriptor
        self.last_words = "nothing was tried"

    def __call__(self, doing: str, command: "list[str]", environment: "dict[str, str]") -> bool:
        """Run one step to its end; false if it failed, and then `last_words` holds its last line of output."""
        started = time.monotonic()
        with open(LOG, "a+b") as log:
            log.write(f"\n$ {' '.join(command)}\n".encode())
            log.flush()
            position = log.tell()
            try:
                status = self._run(doing, command, environment, log)
            except OSError as failure:  # the program is not for this machine, or may not be run where it lies
                log.write(f"{failure}\n".encode())
                status = 1
            log.seek(position)
            said = log.read().decode(errors="replace").split("\n")
        took = time.monotonic() - started
        _say(f"{doing}: {'failed after' if status else 'done in'} {took:.1f} s")
        self.last_words = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
        return status == 0

    def _run(self, doing: str, command: "list[str]", environment: "dict[str, str]", log: "BufferedRandom") -> int:
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            pass_fds=[self._lock_descriptor],
        ) as process:  # fmt: skip
            try:
                if not sys.stderr.isatty():
                    _say(f"{doing} …")
                    return process.wait()
                return _wait_showing_the_time(process, doing)
            except BaseException:
                process.kill()
                raise

    def quietly(self, command: "list[str]") -> bool:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0

    def output(self, command: "list[str]") -> str:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode()


def _wait_showing_the_time(process: "subprocess.Popen[bytes]", doing: str) -> int:
    started = time.monotonic()
    while True:
        try:
            status = process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"\r\033[Kmain.py: {doing} … {time.monotonic() - started:.1f} s")
            sys.stderr.flush()
        else:
            sys.stderr.write("\r\033[K")
            return status


def _say(text: str) -> None:
    sys.stderr.write(f"main.py: {text}\n")
    sys.stderr.flush()
