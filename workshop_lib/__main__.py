"""The command line: ``python -m workshop_lib COMMAND``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workshop_lib.errors import WorkshopError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 if all is well, 1 if not, 2 for misuse."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except WorkshopError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was finished is kept.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    made = argparse.ArgumentParser(prog="python -m workshop_lib", description=__doc__)
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, function, about: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(command=function)
        return command

    add("doctor", doctor, "Check this machine: packages, models, memory, network, key.")
    running = add("run", run, "Execute lessons and report time, memory and claims shown.")
    running.add_argument("--lesson", action="append", metavar="NN", help="such as 01; repeatable")
    running.add_argument("--profile", choices=["mini", "full"], default="mini")
    running.add_argument("--edition", choices=["solution", "learner"], default="solution")
    running.add_argument("--jobs", type=positive, default=1, metavar="N", help="notebooks at a time")
    running.add_argument("--report", type=Path, metavar="FILE.json", help="write the results here")
    running.add_argument("--reuse", action="store_true", help="skip what passed and is unchanged")
    running.add_argument("--site", action="store_true", help="then build the site from them")
    running.add_argument("--offline", action="store_true", help="take the network away first")
    add("build", build, "Make the learner and solution editions from notebooks/source.")
    add("site", site, "Build the site from the executed lessons in build/site.")
    listing = add("claims", claims, "List every claim and the cell that shows it.")
    listing.add_argument("--lesson", metavar="NN", help="only this lesson's claims")
    add("progress", progress, "Show which exercises you have solved on this machine.")
    showing = add("models", models, "Show the models and data sets, or evaluate the models.")
    showing.add_argument("action", nargs="?", choices=["evaluate"], help="recompute the card figures")
    showing.add_argument("role", nargs="*", help="roles to evaluate; none means all")
    showing.add_argument("--corpus", type=Path, metavar="DIR", help="for figures on held-out text")
    return made


def positive(text: str) -> int:
    """Return a whole number of at least 1, for argparse."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} isn't a whole number of at least 1")
    return int(text)


def doctor(options: argparse.Namespace) -> int:
    from workshop_lib.course import doctor

    return doctor.main()


def run(options: argparse.Namespace) -> int:
    from workshop_lib.course import offline, repository, run, site

    if options.offline:
        offline.enter()
    root = repository()
    results = run.run(
        root, options.lesson, options.profile, options.edition, options.jobs, options.reuse
    )
    passed = all(result.ok for result in results)
    if options.report:
        run.write_report(results, options.report)
    if options.site and passed:
        print("Building the site")
        site.build(root)
    print("\n" + run.table(results))
    if options.site and passed:
        print("\nThe site: build/site/index.html\nNext:     make lab")
    return 0 if passed else 1


def build(options: argparse.Namespace) -> int:
    from workshop_lib.course import editions, repository

    root = repository()
    changed = editions.write(root)
    for path in changed:
        print(f"wrote {path.relative_to(root)}")
    print(f"{len(changed)} files changed." if changed else "All notebooks are up to date.")
    return 0


def site(options: argparse.Namespace) -> int:
    from workshop_lib.course import repository, site

    folder = site.build(repository())
    print(f"The site: {folder / 'index.html'}")
    return 0


def claims(options: argparse.Namespace) -> int:
    from workshop_lib.course import claims, repository

    found = claims.collect(repository())
    if options.lesson:
        found = [claim for claim in found if options.lesson in claim.lessons]
    print(claims.table(found))
    return 0


def progress(options: argparse.Namespace) -> int:
    from workshop_lib.checks import progress

    print(progress.show())
    return 0


def models(options: argparse.Namespace) -> int:
    from workshop_lib import data, models

    if options.action:
        return evaluate(options)
    print(models.table().to_string())
    print()
    print(data.table().to_string())
    return 0


def evaluate(options: argparse.Namespace) -> int:
    from workshop_lib.course import evaluation

    for role in options.role or evaluation.ROLES:
        print(f"{role}", flush=True)
        print(evaluation.text(evaluation.figures(role, options.corpus)) + "\n", flush=True)
    if options.corpus is None:
        print("Figures on held-out text were left out. They need the corpora: --corpus DIR")
    return 0


if __name__ == "__main__":
    sys.exit(main())
