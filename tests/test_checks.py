"""What all checks share, and the progress file."""

import json

import pytest

from workshop_lib.checks import exercise, expect, finished, progress


@exercise("9a")
def positive(number):
    expect(number > 0, "Not positive.")
    return "Well above zero."


@exercise("9b")
def calls(function):
    expect(finished(function(2)) == 4, "Two times two is four.")


def test_solved():
    verdict = positive(3)
    assert (verdict.exercise, verdict.status) == ("9a", "solved")
    assert "Well above zero." in str(verdict)


def test_hint():
    verdict = positive(-1)
    assert (verdict.status, verdict.message) == ("not yet", "Not positive.")


@pytest.mark.parametrize("answer", [lambda x: ..., lambda x: x * ..., lambda x: (1, ...)])
def test_untouched_function_is_unfinished(answer):
    assert calls(answer).status == "unfinished"


def test_untouched_value_is_unfinished():
    assert positive(...).status == "unfinished"
    assert "Replace each ..." in positive(...).message


def test_an_error_in_the_answer_is_named():
    verdict = calls(lambda x: {}[x])
    assert verdict.status == "not yet"
    assert "KeyError" in verdict.message


def test_verdict_escapes_html():
    @exercise("9c")
    def check(answer):
        expect(False, "a < b & c")

    assert "a &lt; b &amp; c" in check(1)._repr_html_()


def test_progress_counts_tries_and_keeps_solved():
    positive(...)
    positive(-1)
    positive(1)
    positive(-1)
    assert progress.read() == {"9a": {"status": "solved", "tries": 2}}


def test_unreadable_progress_is_kept_aside():
    progress.file().write_text("{half a fi")
    assert positive(1).status == "solved"
    assert progress.file().with_name("progress.json.unreadable").read_text() == "{half a fi"
    assert json.loads(progress.file().read_text())["9a"]["status"] == "solved"


def test_progress_that_cannot_be_written_does_not_stop_a_check(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKSHOP_PROGRESS", str(tmp_path / "file" / "progress.json"))
    assert positive(1).status == "solved"
    assert "Progress not saved" in capsys.readouterr().out


def test_show_lists_every_exercise_of_every_lesson():
    from workshop_lib.checks import lesson_00

    assert "0a ·" in progress.show()
    lesson_00.exercise_0d(lambda n: ...)
    assert "0d …" in progress.show()
