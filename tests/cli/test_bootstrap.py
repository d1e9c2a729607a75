"""The bootstrap from nothing, offline: its packages are one tiny wheel and a wheel made of this environment's uv."""

import ast
import base64
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).parents[2]
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
COMMAND_LINE = """
import sys
import tiny
def main():
    print(sys.prefix, tiny.VERSION, sys.argv[1:])
    return 0
"""

PIP_HIDDEN_OUTSIDE_AN_ENVIRONMENT = """
import runpy, sys
if sys.prefix == sys.base_prefix:
    raise ImportError("hidden")
sys.path.remove(__file__.rpartition("/")[0])
runpy.run_module("pip", run_name="__main__")
"""


@pytest.fixture(scope="session")
def wheels(shared_folder: Path, worker_id: str) -> Path:
    """A folder of wheels, as pip is pointed at by `find-links`."""
    folder = shared_folder / f"wheels-{worker_id}"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        make_wheel(folder, "tiny", version, {"tiny.py": f"VERSION = {version!r}\n".encode()})
    uv = find_uv()
    if uv is not None:
        make_wheel(folder, "uv", "1.0", {"uv-1.0.data/scripts/uv": uv.read_bytes()})
    return folder


def find_uv() -> Path | None:
    fetched = ROOT / ".venv" / "installer" / "uv" / "bin" / "uv"
    if fetched.exists():
        return fetched
    on_path = shutil.which("uv", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
    return Path(on_path) if on_path else None


def make_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> None:
    metadata = {
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{name}-{version}.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-{version}.dist-info/RECORD"
    contents = {**files, **metadata}
    lines = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},{len(content)}"
        for path, content in contents.items()
    ]
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in {**contents, record: "\n".join([*lines, f"{record},,"]).encode()}.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o100755 << 16  # a regular file that may be run, as a wheel says it of a program
            wheel.writestr(entry, content)


class Clone:
    """A project that is all bootstrap: its locks hold the tiny package, its command prints where it runs."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self._wheels = wheels
        self._home = folder.with_name("home")

    def lay_out(self) -> None:
        folder, wheels = self.folder, self._wheels
        self._home.mkdir(parents=True)
        (folder / "cli").mkdir(parents=True)
        (folder / "cli" / "command_line.py").write_text(COMMAND_LINE)
        for name in ("bootstrap.py", "main.py"):
            shutil.copy(ROOT / name, folder)
        self.lock("requirements.lock", "tiny", "1.0")
        self.lock("requirements-test.lock", "tiny", "1.0")
        if (wheels / "uv-1.0-py3-none-any.whl").exists():
            self.lock("installer.lock", "uv", "1.0")
        else:
            (folder / "installer.lock").write_text("uv==1.0 --hash=sha256:" + "0" * 64 + "\n")

    def lock(self, lock: str, name: str, version: str) -> None:
        digest = hashlib.sha256((self._wheels / f"{name}-{version}-py3-none-any.whl").read_bytes()).hexdigest()
        (self.folder / lock).write_text(f"{name}=={version} --hash=sha256:{digest}\n")

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "BLULEND_"))}
        configuration = self.folder.parent / "pip.conf"
        configuration.write_text(f"[global]\nno-index = true\nfind-links = {self._wheels.as_uri()}\n")
        return {**kept, "HOME": str(self._home), "PIP_CONFIG_FILE": str(configuration), **variables}

    def start(self, *arguments: str, python: str = BASE_PYTHON, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [python, "main.py", *arguments],
            cwd=self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, python: str = BASE_PYTHON, **variables: str) -> tuple[int, str, str]:
        with self.start(*arguments, python=python, **variables) as process:
            said, noted = process.communicate(timeout=100)
        return process.returncode, said, noted

    def answer(self, version: str = "1.0", arguments: str = "[]") -> str:
        return f"{self.folder.resolve() / '.venv'} {version} {arguments}\n"


@pytest.fixture
def clone(server_folder: Path, wheels: Path) -> Clone:
    """A clone in which nothing was ever started, in a folder with a space that every user may pass through."""
    made = Clone(server_folder / uuid4().hex / "a clone", wheels)
    made.lay_out()
    return made


@pytest.fixture(scope="session")
def first_start(server_folder: Path, wheels: Path) -> tuple[Clone, tuple[int, str, str]]:
    """One clone that was started once, and what that start answered; for reading only."""
    made = Clone(server_folder / "started" / "a clone", wheels)
    made.lay_out()
    return made, made.run("verify", "--json")


@pytest.fixture
def started_clone(first_start: tuple[Clone, tuple[int, str, str]], server_folder: Path, wheels: Path) -> Clone:
    """A copy of that clone, environment and all: to be moved does an environment no harm."""
    made = Clone(server_folder / uuid4().hex / "a clone", wheels)
    shutil.copytree(first_start[0].folder, made.folder, symlinks=True)
    made.folder.with_name("home").mkdir()
    return made


@contextmanager
def hidden_modules(folder: Path, *names: str) -> Iterator[dict[str, str]]:
    """Variables under which these modules cannot be imported."""
    folder.mkdir()
    for name in names:
        (folder / f"{name}.py").write_text("raise ImportError('hidden')\n")
    yield {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("name", ["bootstrap.py", "main.py"])
def test_an_old_python_can_read_it(name: str) -> None:
    assert ast.parse((ROOT / name).read_text(), feature_version=(3, 6)).body


def test_the_bootstrap_needs_nothing_but_the_standard_library() -> None:
    nodes = list(ast.walk(ast.parse((ROOT / "bootstrap.py").read_text())))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}

    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock", "installer.lock"])
def test_a_lock_pins_every_package_by_hash_and_holds_no_address(name: str) -> None:
    lock = (ROOT / name).read_text()
    entries = lock.replace("\\\n", " ").splitlines()

    assert "://" not in lock
    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_test_lock_holds_the_run_lock() -> None:
    def pins(name: str) -> set[str]:
        return {line.split("\\")[0].strip() for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert pins("requirements.lock") < pins("requirements-test.lock")


def test_from_nothing_the_command_runs_inside_a_new_environment(
    first_start: tuple[Clone, tuple[int, str, str]],
) -> None:
    clone, (status, said, noted) = first_start

    assert (status, said) == (0, clone.answer(arguments="['verify', '--json']")), noted
    assert "installing the packages of requirements.lock: done in" in noted


def test_pip_s_own_settings_reach_uv(first_start: tuple[Clone, tuple[int, str, str]]) -> None:
    """Its only source of packages is a folder that pip's configuration file names."""
    if find_uv() is None:
        pytest.skip("no uv at hand to make a wheel of")
    clone, (status, _, noted) = first_start

    assert status == 0
    assert "with pip" not in noted
    assert (clone.folder / ".venv" / "installer" / "uv" / "bin" / "uv").exists()


def test_a_second_start_is_silent_and_costs_less_than_a_tenth_of_a_second(started_clone: Clone) -> None:
    """Processor time, which others on the machine do not add to, beyond that of the two Pythons which it starts."""
    costs_s = []
    for _ in range(5):
        before_s = children_s()
        assert started_clone.run() == (0, started_clone.answer(), "")
        after_s = children_s()
        subprocess.run([BASE_PYTHON, "-c", "pass"], check=True)
        subprocess.run([started_clone.folder / ".venv" / "bin" / "python", "-c", "pass"], check=True)
        costs_s.append((after_s - before_s) - (children_s() - after_s))

    assert min(costs_s) < 0.1


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_where_uv_cannot_be_had_pip_installs(clone: Clone) -> None:
    (clone.folder / "installer.lock").write_text("uv==9.9 --hash=sha256:" + "0" * 64 + "\n")

    status, said, noted = clone.run()

    assert (status, said) == (0, clone.answer()), noted
    assert "installing the packages of requirements.lock with pip: done" in noted


def test_a_changed_lock_is_installed(started_clone: Clone) -> None:
    started_clone.lock("requirements.lock", "tiny", "2.0")

    status, said, _ = started_clone.run()

    assert (status, said) == (0, started_clone.answer("2.0"))


def test_the_help_of_the_tests_is_there_without_their_packages(started_clone: Clone) -> None:
    started_clone.lock("requirements-test.lock", "tiny", "2.0")

    for help_option in ("--help", "-h"):
        status, said, noted = started_clone.run("test", help_option)
        assert (status, noted) == (0, "")
        assert said.startswith(str(started_clone.folder.resolve()))


def test_the_tests_get_the_test_lock_and_then_the_run_lock_is_there_too(started_clone: Clone) -> None:

    _, _, noted = started_clone.run("test")
    assert "requirements-test.lock: done" in noted
    assert started_clone.run("test")[2] == ""
    assert started_clone.run()[2] == ""


def test_an_interrupted_installation_is_repeated(started_clone: Clone) -> None:
    (started_clone.folder / ".venv" / "installed.txt").unlink()
    (package,) = (started_clone.folder / ".venv").glob("lib/*/site-packages/tiny.py")
    package.unlink()

    assert started_clone.run()[:2] == (0, started_clone.answer())


def test_an_environment_whose_python_is_gone_is_made_anew(started_clone: Clone) -> None:
    python = started_clone.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(started_clone.folder / "gone")

    assert started_clone.run()[:2] == (0, started_clone.answer())


def test_two_first_starts_at_once_make_one_environment(clone: Clone) -> None:
    first, second = clone.start(), clone.start()
    answers = [process.communicate(timeout=100) for process in (first, second)]

    assert [said for said, _ in answers] == [clone.answer(), clone.answer()]
    assert sorted("installing" in noted for _, noted in answers) == [False, True]
    assert sorted("another start is setting up .venv" in noted for _, noted in answers) == [False, True]


def test_a_hash_that_does_not_match_ends_with_one_line_and_no_environment(clone: Clone) -> None:
    (clone.folder / "requirements.lock").write_text("tiny==1.0 --hash=sha256:" + "0" * 64 + "\n")

    status, said, noted = clone.run()

    assert (status, said) == (1, "")
    assert noted.splitlines()[-1].startswith("main.py: the packages of requirements.lock could not be installed (")
    assert "Traceback" not in noted
    assert not (clone.folder / ".venv" / "installed.txt").exists()


def test_without_pip_and_ensurepip_the_line_names_what_to_install(clone: Clone, tmp_path: Path) -> None:
    with hidden_modules(tmp_path / "hidden", "pip", "ensurepip") as variables:
        status, _, noted = clone.run(**variables)

    assert status == 1
    assert noted.splitlines()[-1].startswith(f"main.py: {BASE_PYTHON} has neither pip nor ensurepip: ")
    assert "python3-venv" in noted.splitlines()[-1]
    assert "BLULEND_PIP" in noted.splitlines()[-1]


def test_without_pip_a_local_uv_wheel_will_do(clone: Clone, wheels: Path, tmp_path: Path) -> None:
    wheel = wheels / "uv-1.0-py3-none-any.whl"
    if not wheel.exists():
        pytest.skip("no uv at hand to make a wheel of")
    with hidden_modules(tmp_path / "hidden", "pip", "ensurepip") as variables:
        status, said, noted = clone.run(BLULEND_PIP=str(wheel), UV_FIND_LINKS=str(wheels), UV_NO_INDEX="1", **variables)

    assert (status, said) == (0, clone.answer()), noted


def test_without_pip_a_local_pip_wheel_will_do(clone: Clone, tmp_path: Path) -> None:
    bundled = next(iter(sorted((Path(os.__file__).parent / "ensurepip" / "_bundled").glob("pip-*.whl"))), None)
    if bundled is None:
        pytest.skip("this Python bundles no pip wheel")
    with hidden_modules(tmp_path / "hidden", "ensurepip") as variables:
        status, said, noted = clone.run(BLULEND_PIP=str(bundled), **variables)

    assert (status, said) == (0, clone.answer()), noted


@pytest.mark.long
def test_without_pip_that_of_ensurepip_is_unpacked(clone: Clone, tmp_path: Path) -> None:
    if subprocess.run([BASE_PYTHON, "-c", "import ensurepip"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this Python has no ensurepip")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pip.py").write_text(PIP_HIDDEN_OUTSIDE_AN_ENVIRONMENT)
    status, said, noted = clone.run(PYTHONPATH=str(hidden))

    assert "unpacking pip" in noted
    assert (status, said) == (0, clone.answer()), noted


@pytest.mark.parametrize("given", ["/nowhere/pip-1.whl", "/etc/hostname"])
def test_a_wheel_that_is_none_is_named(clone: Clone, given: str) -> None:
    status, _, noted = clone.run(BLULEND_PIP=given)

    assert status == 1
    assert noted.splitlines()[-1].startswith(
        f"main.py: BLULEND_PIP is {given!r}: expected the path of a pip or uv wheel"
    )


def make_it_need(clone: Clone, oldest: str) -> None:
    """Let the bootstrap ask for a newer Python than it would."""
    bootstrap = clone.folder / "bootstrap.py"
    text = bootstrap.read_text()
    assert "OLDEST_PYTHON = (3, 11)" in text
    bootstrap.write_text(text.replace("OLDEST_PYTHON = (3, 11)", f"OLDEST_PYTHON = {oldest}"))


def test_a_python_that_is_too_old_says_so_where_no_newer_one_is_on_path(clone: Clone) -> None:
    make_it_need(clone, "(3, 99)")

    status, _, noted = clone.run()

    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert (status, noted) == (1, f"main.py: needs Python 3.99 or newer; this is {here} and PATH holds no newer one\n")


def test_a_folder_that_cannot_be_written_is_named(clone: Clone) -> None:
    clone.folder.chmod(0o555)
    # Root may write everywhere, so it tries as `nobody`, with an interpreter that is not private to root.
    python, user = (BASE_PYTHON, None) if os.geteuid() != 0 else ("/usr/bin/python3", 65_534)
    if not Path(python).exists() or sys.version_info[:2] != version_of(python):
        pytest.skip("no interpreter that every user may run")

    finished = subprocess.run(
        [python, clone.folder / "main.py"], capture_output=True, text=True, user=user, check=False
    )

    clone.folder.chmod(0o755)
    assert finished.returncode == 1
    assert finished.stderr == f"main.py: cannot write to {clone.folder}, where .venv is to be made\n"


def version_of(python: str) -> tuple[int, ...]:
    asked = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=True)
    return tuple(int(number) for number in asked.stdout.split())
