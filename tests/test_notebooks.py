"""The rules that every notebook keeps, and the proof that both editions run with no network."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from workshop_lib.course import editions, run

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))
NOTEBOOKS = [
    path
    for folder in ("notebooks", "notebooks/solutions")
    for path in sorted((ROOT / folder).glob("[0-9][0-9]_*.ipynb"))
]
HEADINGS = [
    "Question", "Objectives", "Time and cost", "Set-up", "What goes wrong in research use",
    "Key points", "Quiz", "Homework", "Where the code lives",
]  # fmt: skip
NETWORK = re.compile(r"urlopen|requests\.|httpx|wget|curl |urllib|hf_hub_download|snapshot_download")


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
every_lesson = pytest.mark.parametrize("path", [p for p in NOTEBOOKS if p.parent.name == "notebooks"], ids=name)


def markdown(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def code_cells(path: Path) -> list:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def headings(path: Path) -> list[tuple[int, str]]:
    text = re.sub(r"```.*?```", "", markdown(path), flags=re.DOTALL)
    return [(len(marks), title.strip()) for marks, title in re.findall(r"^(#+) (.+)$", text, re.MULTILINE)]


# ── Generated files ──


def test_generated_files_are_what_their_sources_give():
    generated = editions.generate(ROOT)
    assert set(generated) == {*NOTEBOOKS, ROOT / "README.md"}
    for path, text in generated.items():
        assert path.read_text(encoding="utf-8") == text, f"run: make notebooks ({path})"


def test_no_solution_line_is_left_in_a_learner_edition():
    """Proved again from the outside: the tool's own check isn't asked."""
    for source in SOURCES:
        learner = (ROOT / "notebooks" / f"{source.stem}.ipynb").read_text(encoding="utf-8")
        for block in re.findall(r"^### STUB (\w+)\n(.*?)^### SOLUTION \1\n(.*?)^### END \1", source.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            number, stub, solution = block
            for line in solution.splitlines():
                if len(line.strip()) >= 12 and line not in stub.splitlines():
                    assert json.dumps(line.strip())[1:-1] not in learner, f"{number}: {line}"


# ── Rules ──


@every_notebook
def test_no_outputs_and_no_widget_state(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info", "edition"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None


@every_notebook
def test_small_enough(path):
    assert path.stat().st_size < 300_000


@every_notebook
def test_headings(path):
    levels = headings(path)
    assert [level for level, _ in levels].count(1) == 1
    assert levels[0][0] == 1
    for (before, _), (after, title) in zip(levels, levels[1:]):
        assert after <= before + 1, f"'{title}' skips a level"


@every_notebook
def test_skeleton(path):
    titles = [title for level, title in headings(path) if level == 2]
    assert [title for title in titles if not re.match(r"\d+ · ", title)] == HEADINGS
    sections = [title for title in titles if re.match(r"\d+ · ", title)]
    assert [int(title.split()[0]) for title in sections] == list(range(1, len(sections) + 1))


@every_notebook
def test_sections_state_at_most_20_minutes(path):
    minutes = re.findall(r"^## \d+ · .+\n+\*(\d+) minutes\*$", markdown(path), re.MULTILINE)
    sections = re.findall(r"^## \d+ · ", markdown(path), re.MULTILINE)
    assert len(minutes) == len(sections) > 0
    assert all(0 < int(one) <= 20 for one in minutes)
    planned = re.search(r"(\d+) minutes of teaching", markdown(path))
    assert int(planned[1]) == sum(map(int, minutes)), "the plan isn't the sum of the sections"


@every_notebook
def test_images_have_alt_text(path):
    text = markdown(path)
    assert not re.search(r"!\[\s*\]\(", text)
    for tag in re.findall(r"<img [^>]*>", text):
        assert re.search(r'alt="[^"]+"', tag)


@every_notebook
def test_set_up_cell(path):
    first = code_cells(path)[0].source
    assert len(first.splitlines()) <= 6
    assert "%pip install" in first
    others = "\n".join(cell.source for cell in code_cells(path)[1:])
    assert "pip install" not in others
    assert not NETWORK.search(others)


@every_notebook
def test_no_path_surgery_and_no_branch_on_the_profile(path):
    code = "\n".join(cell.source for cell in code_cells(path))
    assert "sys.path" not in code
    assert not re.search(r"\bif\b.*profile\(\)", code)


@every_notebook
def test_no_pasted_helper_code(path):
    """A function of the library isn't defined again in a notebook (a helper belongs in a room)."""
    library = {
        node.name
        for file in (ROOT / "workshop_lib").rglob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    }
    for cell in code_cells(path):
        defined = set(re.findall(r"^(?:def|class) (\w+)", cell.source, re.MULTILINE))
        assert not defined & library - {"attend", "causal_mask", "cosine"}  # written by hand first


@every_lesson
def test_badges_name_this_notebook(path):
    assert f"/blob/main/notebooks/{path.name}" in markdown(path)
    assert "mybinder.org" in markdown(path)


@every_lesson
def test_five_exercises_or_more_and_a_quiz(path):
    exercises = re.findall(r"^### Exercise (\w+) · ", markdown(path), re.MULTILINE)
    letters = [number.removeprefix(path.name[:2].lstrip("0") or "0") for number in exercises]
    assert sorted(letters) == list("abcdefghijkl"[: len(letters)]) and len(letters) >= 5
    assert markdown(path).count("<summary>Answer</summary>") >= 5


@every_lesson
def test_every_exercise_has_a_check_with_a_hint(path):
    text = (ROOT / "workshop_lib" / "checks" / f"lesson_{path.name[:2]}.py").read_text(encoding="utf-8")
    for number in re.findall(r"^### Exercise (\w+) · ", markdown(path), re.MULTILINE):
        assert f'@exercise("{number}")' in text


def test_each_lesson_has_a_number_of_its_own():
    numbers = [path.name[:2] for path in SOURCES]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= {f"{n:02}" for n in range(11)}


# ── Running ──


def test_solution_editions_run_with_no_network(executed_solutions):
    results = json.loads((ROOT / "build" / "test-solution.json").read_text())
    assert [result["notebook"] for result in results] == [path.stem for path in SOURCES]
    for result in results:
        assert result["status"] in ("ok", "reused"), result
        exercises = re.findall(r"^### STUB (\w+)", (ROOT / "notebooks/source" / f"{result['notebook']}.py").read_text(encoding="utf-8"), re.MULTILINE)
        assert result["solved"] == sorted(exercises), "a solution isn't accepted by its check"


def test_untouched_learner_editions_run_with_no_network(executed_learners):
    results = json.loads((ROOT / "build" / "test-learner.json").read_text())
    for result in results:
        assert result["status"] in ("ok", "reused"), result
        assert result["solved"] == []
        text = (executed_learners / f"{result['notebook']}.ipynb").read_text(encoding="utf-8")
        exercises = set(re.findall(r"### Exercise (\w+) ·", text))
        for number in exercises:
            assert f"Exercise {number}: unfinished." in text, number


def test_the_network_is_really_away(tmp_path):
    """The offline lane can fail: a cell that opens a connection stops there."""
    from nbformat.v4 import new_code_cell, new_notebook

    import subprocess
    import sys

    folder = tmp_path / "notebooks" / "solutions"
    folder.mkdir(parents=True)
    (tmp_path / "notebooks" / "source").mkdir()
    (tmp_path / "workshop_lib").mkdir()
    (tmp_path / "data").mkdir()
    code = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=3)"  # a test address
    nbformat.write(new_notebook(cells=[new_code_cell(code)]), folder / "01_net.ipynb")
    command = [sys.executable, "-m", "workshop_lib", "run", "--offline"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 1
    assert "unreachable" in finished.stdout or "switched off" in finished.stdout


def test_sockets_are_refused_where_namespaces_are_not_allowed(monkeypatch):
    import os
    import subprocess
    import sys

    from workshop_lib.course import offline

    monkeypatch.setattr(offline, "namespaces_allowed", lambda: False)
    monkeypatch.delenv(offline.MARK, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    offline.enter()
    assert os.environ[offline.MARK] == "sockets"
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "print('here')\n"
        "socket.create_connection(('192.0.2.1', 80), timeout=3)\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.stdout == "here\n"
    assert "switched off for this run" in finished.stderr
    monkeypatch.delenv(offline.MARK)


@pytest.mark.parametrize("lesson", ["99", "1"])
def test_unknown_lesson(lesson):
    from workshop_lib.errors import UnknownNameError

    with pytest.raises(UnknownNameError, match=f"no lesson '{lesson}'"):
        run.find(ROOT, [lesson], "solution")
