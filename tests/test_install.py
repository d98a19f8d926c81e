"""The wheel: what is in it, and that it works where it is installed, Colab's way too.

Two lanes use it. The quick one needs no network: a new environment sees the packages of this
one, as Colab's notebooks see Colab's. The slow one installs older versions of torch's companions
from the package index and lets pip fetch the rest.
"""

import ast
import json
import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
COLABS_OWN = ("torch", "numpy", "pandas", "transformers")

# Runs notebook cells the way a kernel does, magics included, and stops at the first error.
RUN_CELLS = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for source in json.load(open(sys.argv[1])):
    shell.run_cell(source).raise_error()
print("all cells ran")
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


def call(python: Path, *arguments: str, folder: Path, **variables: str) -> str:
    """Run a Python in a folder and return what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"WORKSHOP_PROFILE": "mini", "HOME": str(folder)} | variables
    finished = subprocess.run(
        [str(python), *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def new_environment(folder: Path) -> Path:
    """Make a virtual environment and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def colab(tmp_path_factory) -> Path:
    """An environment that sees every package of this one but the course's own library."""
    folder = tmp_path_factory.mktemp("colab")
    packages = folder / "packages"
    packages.mkdir()
    for entry in Path(metadata.distribution("torch").locate_file("")).iterdir():
        if not entry.name.startswith(("workshop_lib", "pip")) and entry.suffix != ".pth":
            (packages / entry.name).symlink_to(entry)
    python = new_environment(folder / "environment")
    # Python 3.11 puts an old setuptools into a new environment, which would hide the right one.
    subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "setuptools"], check=True)
    (next((folder / "environment/lib").iterdir()) / "site-packages" / "colab.pth").write_text(f"{packages}\n")
    return python


def versions(python: Path, folder: Path) -> dict[str, str]:
    code = f"import json; from importlib.metadata import version; print(json.dumps({{n: version(n) for n in {COLABS_OWN}}}))"
    return json.loads(call(python, "-c", code, folder=folder))


def first_sections(lesson: str, wheel: Path, stop: str) -> list[str]:
    """Return a learner notebook's code up to a section; the set-up cell installs the wheel."""
    sources = []
    for cell in nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4).cells:
        if cell.cell_type == "markdown" and f"\n## {stop} · " in f"\n{cell.source}":
            return sources
        if cell.cell_type == "code":
            sources.append(cell.source)
    raise AssertionError(f"{lesson} has no section {stop}")


def run_first_sections(python: Path, wheel: Path, folder: Path, **variables: str) -> None:
    """Run lesson 01's set-up cell and first two sections from an empty folder."""
    sources = first_sections("01_embeddings_and_polysemy", wheel, stop="3")
    repository = next(part for part in sources[0].split('"') if part.startswith("workshop-lib @"))
    sources[0] = sources[0].replace(f'"{repository}"', f'"{wheel}"')
    empty = folder / "empty"
    empty.mkdir()
    (folder / "cells.json").write_text(json.dumps(sources))
    shown = call(python, "-c", RUN_CELLS, str(folder / "cells.json"), folder=empty, **variables)
    assert shown.rstrip().endswith("all cells ran")
    assert not list(empty.glob("*.ipynb"))


# ── The wheel itself ──


def test_wheel_holds_the_code_and_the_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "workshop_lib/embeddings/encoder.py",
        "workshop_lib/checks/lesson_01.py",
        "workshop_lib/course/offline_site/sitecustomize.py",
        "workshop_lib/_data/senses/senses.csv",
        "workshop_lib/_data/models/word_vectors/vectors.safetensors",
    ):
        assert name in names
    strangers = [name for name in names if not name.startswith(("workshop_lib/", "workshop_lib-"))]
    assert strangers == []


def test_metadata_has_lower_bounds_only(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(name).decode().splitlines()
    requirements = [Requirement(line.split(": ", 1)[1]) for line in lines if line.startswith("Requires-Dist:")]
    assert set(COLABS_OWN) <= {requirement.name for requirement in requirements}
    for requirement in requirements:
        assert [part.operator for part in requirement.specifier] == [">="], str(requirement)
    assert "Requires-Python: >=3.11" in lines
    for version in ("3.11", "3.12", "3.13"):
        assert f"Classifier: Programming Language :: Python :: {version}" in lines


def test_every_imported_package_is_declared(root):
    providers = metadata.packages_distributions()
    imported = set()
    for file in (root / "workshop_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    imported -= sys.stdlib_module_names | {"workshop_lib"}
    declared = {canonicalize_name(Requirement(line).name) for line in metadata.requires("workshop-lib")}
    for module in imported:  # the packages of an extra needn't be installed
        assert {canonicalize_name(name) for name in providers.get(module, [module])} & declared, module


def test_constraints_satisfy_the_bounds(root):
    pinned = {}
    for line in (root / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pinned[canonicalize_name(name)] = version
    declared = [Requirement(line) for line in metadata.requires("workshop-lib")]
    for requirement in declared:
        if any(f'"{extra}"' in str(requirement.marker) for extra in ("bench", "page", "scale")):
            continue
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_conda_environment_installs_the_same(root):
    import yaml

    environment = yaml.safe_load((root / "environment.yml").read_text())
    pip_part = next(part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    assert "-c constraints.txt" in pip_part
    assert "-e .[course]" in pip_part


# ── Installed elsewhere ──


def test_colab_lane(colab, wheel, tmp_path):
    before = versions(colab, tmp_path)
    run_first_sections(colab, wheel, tmp_path, PIP_NO_INDEX="1")
    assert versions(colab, tmp_path) == before


def test_installed_wheel_works_from_another_folder(colab, wheel, tmp_path):
    call(colab, "-m", "pip", "install", "--no-index", "--quiet", str(wheel), folder=tmp_path)
    code = (
        "from workshop_lib import data, models\n"
        "assert data.root().name == '_data', data.root()\n"
        "assert len(data.load('senses')) > 400\n"
        "assert 'queen' in models.word_vectors()\n"
        "assert models.load('encoder').model.config.hidden_size == 384\n"
    )
    call(colab, "-c", code, folder=tmp_path)
    assert "All set" in call(colab, "-m", "workshop_lib", "doctor", folder=tmp_path)
    outside = subprocess.run(
        [colab, "-m", "workshop_lib", "run"], cwd=tmp_path, capture_output=True, text=True
    )
    assert outside.returncode == 1 and "Clone the repository" in outside.stderr


@pytest.mark.slow
def test_colab_lane_with_older_packages_and_the_package_index(wheel, tmp_path):
    """Needs the network: pip fetches what an environment with Colab-like versions lacks."""
    python = new_environment(tmp_path / "environment")
    torch = metadata.version("torch").split("+")[0]
    older = [f"torch=={torch}", "numpy==2.0.2", "pandas==2.2.2", "transformers==4.57.1"]
    call(python, "-m", "pip", "install", "--quiet", *older, folder=tmp_path)
    before = versions(python, tmp_path)
    # Colab has a notebook kernel; this environment gets the part of it that runs cells.
    call(python, "-m", "pip", "install", "--quiet", "ipython", folder=tmp_path)
    run_first_sections(python, wheel, tmp_path)
    assert versions(python, tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_other_pythons_compile_and_import(version, tmp_path):
    """The library's light part runs on each supported Python that is on this machine."""
    code = (
        f"import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {str(ROOT)!r})\n"
        "import ast, pathlib, workshop_lib.errors, workshop_lib.data, workshop_lib.checks.progress\n"
        f"for file in pathlib.Path({str(ROOT)!r}, 'workshop_lib').rglob('*.py'): ast.parse(file.read_text())\n"
        "print(sys.version)"
    )
    try:
        finished = subprocess.run([f"python{version}", "-c", code], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"Python {version} isn't on this machine")
    if "command not found" in finished.stderr:
        pytest.skip(f"Python {version} isn't on this machine")
    assert finished.stdout.startswith(version), finished.stderr


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_known_versions_exist_for_other_pythons(version, tmp_path):
    """Needs the package index. torch is left out: asking for it may fetch gigabytes."""
    declared = [Requirement(line) for line in metadata.requires("workshop-lib")]
    names = {one.name for one in declared if "bench" not in str(one.marker)} - {"torch", "hatchling"}
    target = ["--python-version", version, "--only-binary=:all:", "--target", str(tmp_path)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", *target]
    finished = subprocess.run(
        [*command, "-c", str(ROOT / "constraints.txt"), *sorted(names)], capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
