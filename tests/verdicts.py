"""What a check may say, asserted in one line; for the tests of the checks."""

from workshop_lib.checks import SOLVED, UNFINISHED, WRONG


def solved(verdict):
    assert verdict.status == SOLVED, verdict


def unfinished(verdict):
    assert verdict.status == UNFINISHED, verdict


def wrong(verdict, hint):
    assert verdict.status == WRONG and hint in verdict.message, verdict
