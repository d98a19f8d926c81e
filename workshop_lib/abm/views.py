"""Models to watch and to steer: widgets for Jupyter and Colab, an animation, a page in the browser.

The widgets are plain ones of ipywidgets, and the picture is a PNG that Python draws, so nothing is
loaded from anywhere. What they show stands still in :func:`workshop_lib.plots.abm.boards`. Used in
lesson 07.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from workshop_lib.abm.gif import animation, png
from workshop_lib.abm.inputs import whole_number
from workshop_lib.errors import MissingPackageError, WorkshopError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workshop_lib.abm.rules import Rules

__all__ = ["Explorer", "animation", "epidemic_explorer", "explorer", "solara_page"]
STEPS_AT_MOST = 10_000  # of the play button


class Explorer:
    """A model with sliders, buttons and a picture; a notebook shows it as the last line of a cell.

    Args:
        build: takes the values of the sliders by name, and returns a new model with ``step()`` and
            ``running``.
        draw: takes the model, and returns a figure.
        sliders: name -> widget with a value.
        milliseconds: between two steps while it plays.

    Attributes:
        model: the one that is shown; after a slider moved, a new one.
        box: the widget with everything in it; its parts are sliders (a dictionary), play,
            step_button, reset_button, note and picture.
    """

    def __init__(
        self, build: Callable, draw: Callable, sliders: dict, milliseconds: int = 400
    ) -> None:
        widgets = import_widgets()
        self.build, self.draw, self.sliders = build, draw, sliders
        self.play = widgets.Play(
            min=0, max=STEPS_AT_MOST, interval=whole_number("milliseconds", milliseconds, 50)
        )
        self.step_button = widgets.Button(description="Step", tooltip="One step")
        self.reset_button = widgets.Button(description="Reset", tooltip="Back to the start")
        self.note = widgets.HTML()
        self.picture = widgets.Image(
            format="png", layout={"max_width": "100%", "object_fit": "contain"}
        )
        self.step_button.on_click(lambda _: self.step())
        self.reset_button.on_click(lambda _: self.reset())
        self.play.observe(self.played, names="value")
        for slider in sliders.values():
            slider.observe(lambda _: self.reset(), names="value")
        buttons = widgets.HBox([self.play, self.step_button, self.reset_button])
        self.box = widgets.VBox([*sliders.values(), buttons, self.note, self.picture])
        self.model = None
        self.reset()

    def reset(self) -> None:
        """Start a new model with what the sliders say."""
        self.stop()
        self.play.value = 0
        try:
            self.model = self.build(**{name: slider.value for name, slider in self.sliders.items()})
        except WorkshopError as error:  # such as a density at which nobody is there
            self.model = None
            self.say(str(error))
            return
        self.show()

    def step(self) -> None:
        """Make one step, if there is one to make, and show it."""
        if self.model is None:
            return
        if self.model.running:
            self.model.step()
        if not self.model.running:
            self.stop()
        self.show()

    def played(self, change: dict) -> None:
        """Make a step each time the play button counts on."""
        if change["new"] > change["old"]:
            self.step()

    def stop(self) -> None:
        """Let the play button rest."""
        for name in ("playing", "_playing"):  # of ipywidgets 8 and 7
            if self.play.has_trait(name):
                setattr(self.play, name, False)

    def show(self) -> None:
        """Draw the model, and say how far it is."""
        self.picture.value = png(self.draw(self.model))
        end = (
            ""
            if self.model.running
            else f" · ended: {getattr(self.model, 'stopped', '') or 'nothing can change any more'}"
        )
        self.say(f"step {self.model.steps}{end}")

    def say(self, text: str) -> None:
        """Write a line above the picture."""
        import html

        self.note.value = f"<p aria-live='polite'>{html.escape(text)}</p>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.box)


def explorer(
    rules: Rules | None = None,
    density: float = 0.8,
    size: int = 20,
    seed: int = 7,
    milliseconds: int = 400,
    names: Sequence[str] | None = None,
) -> Explorer:
    """Return widgets that run Schelling's model: sliders, play, one step, reset.

    Args:
        rules: of the model; the slider changes their threshold, a count or a share. None: the
            classroom's.
        density, size, seed: where the sliders stand at first. The room has size × size seats.
        milliseconds: between two steps while it plays.
        names: of the groups, for the legend; None numbers them.

    Returns:
        An :class:`Explorer`, which a notebook shows when it is the last line of a cell.

    Raises:
        MissingPackageError: ipywidgets isn't installed.
        BadInputError, SettingError: values that the model refuses.

    Used in lesson 07.
    """
    from workshop_lib.abm.rules import classroom
    from workshop_lib.abm.schelling import Schelling

    widgets = import_widgets()
    rules = classroom() if rules is None else rules
    Schelling(size, size, density, rules, seed)  # an error here, rather than in the widget
    slider = {
        "style": {"description_width": "9em"},
        "layout": {"width": "32em"},
        "continuous_update": False,
    }
    if rules.happy_share is None:
        threshold = widgets.IntSlider(
            rules.threshold, 0, 8, description="like neighbours", **slider
        )
    else:
        threshold = widgets.FloatSlider(
            value=rules.threshold, min=0, max=1, step=0.05, description="share alike", **slider
        )
    sliders = {
        "threshold": threshold,
        "density": widgets.FloatSlider(
            value=density, min=min(0.05, density), max=1, step=0.05, description="density", **slider
        ),
        "size": widgets.IntSlider(
            size, min(3, size), max(50, size), description="seats on a side", **slider
        ),
        "seed": widgets.IntSlider(seed, 0, max(99, seed), description="seed", **slider),
    }

    def build(threshold, density, size, seed):
        return Schelling(size, size, density, rules.with_threshold(threshold), seed)

    return Explorer(build, partial(draw_schelling, names=names), sliders, milliseconds)


def draw_schelling(model, names: Sequence[str] | None = None) -> Figure:
    """Return the board of a Schelling model, with the unhappy marked."""
    from workshop_lib.plots.abm import boards

    measured = model.datacollector.model_vars
    happy, alike = measured["share_happy"][-1], measured["same_colour"][-1]
    title = f"round {model.steps}: {happy:.0%} happy, {alike:.0%} like neighbours"
    return boards([model.board], [title], names, model.rules, inches=5)


def epidemic_explorer(seed: int = 7, milliseconds: int = 250, **settings) -> Explorer:
    """Return widgets that run an epidemic: contacts, transmission, recovery, immunity and seed.

    Args:
        seed: where its slider stands at first.
        milliseconds: between two steps while it plays.
        **settings: what else :class:`workshop_lib.abm.epidemic.Epidemic` takes, such as population
            or behaviour; "contacts", "transmission", "recovery" and "immune" set the sliders.

    Used in lesson 07.
    """
    from workshop_lib.abm.contacts import STRUCTURES
    from workshop_lib.abm.epidemic import Epidemic

    widgets = import_widgets()
    settings = {
        "population": 900,
        "contacts": "mixed",
        "transmission": 0.05,
        "recovery": 0.1,
        "immune": 0.0,
        **settings,
    }
    Epidemic(seed=seed, **settings)  # an error here, rather than in the widget
    style = {"style": {"description_width": "9em"}, "layout": {"width": "32em"}}
    slider = {**style, "continuous_update": False}
    sliders = {
        "contacts": widgets.Dropdown(
            options=STRUCTURES, value=settings.pop("contacts"), description="contacts", **style
        )
    }
    for name in ("transmission", "recovery", "immune"):
        sliders[name] = widgets.FloatSlider(
            value=settings.pop(name), min=0, max=1, step=0.01, description=name, **slider
        )
    sliders["seed"] = widgets.IntSlider(seed, 0, max(99, seed), description="seed", **slider)

    def build(**values):
        return Epidemic(**values, **settings)

    return Explorer(build, draw_epidemic, sliders, milliseconds)


def draw_epidemic(model) -> Figure:
    """Return the curves of an epidemic so far, and the grid if there is one."""
    from workshop_lib.plots.abm import boards, epidemic

    title = f"step {model.steps}: {model.infected} infected, R0 = {model.R0:.2g}"
    if model.contacts == "grid":
        return boards(
            [model.board], [title], names=("susceptible", "infected", "recovered"), inches=5
        )
    return epidemic(model.history, title=title)


def solara_page(rules: Rules | None = None):
    """Return a page in the browser for Schelling's model, on Mesa's SolaraViz.

    Write these two lines into a file page.py, and start it with ``solara run page.py``:

        from workshop_lib.abm.views import solara_page
        page = solara_page()

    Args:
        rules: of the model; a slider changes their threshold. None: the classroom's.

    Raises:
        MissingPackageError: solara or altair isn't installed. With Mesa 3.3, ipyvuetify must be
            older than 3.

    Used in lesson 07.
    """
    try:
        import solara
        from mesa.visualization import Slider, SolaraViz
    except ImportError as error:
        raise MissingPackageError(
            f"The page needs a package that isn't there ({error.name}). Install it: "
            "pip install solara altair 'ipyvuetify<3'. "
            "Without it, use explorer() in a notebook."
        ) from None
    from workshop_lib.abm.rules import classroom
    from workshop_lib.abm.schelling import Schelling
    from workshop_lib.plots.abm import history

    rules = classroom() if rules is None else rules

    class Room(Schelling):
        """A square room, with a slider for each of its arguments."""

        def __init__(self, threshold=rules.threshold, density=0.8, size=20, seed=7):
            super().__init__(size, size, density, rules.with_threshold(threshold), seed)

    def board(model):
        return solara.FigureMatplotlib(draw_schelling(model))

    def curves(model):
        return solara.FigureMatplotlib(history(model))

    share = rules.happy_share is not None
    sliders = {
        "threshold": Slider("Share alike", rules.threshold, 0.0, 1.0, 0.05)
        if share
        else Slider("Like neighbours", rules.threshold, 0, 8, 1),
        "density": Slider("Density", 0.8, 0.05, 1.0, 0.05),
        "size": Slider("Seats on a side", 20, 3, 50, 1),
        "seed": Slider("Seed", 7, 0, 99, 1),
    }
    return SolaraViz(
        Room(),
        components=[board, curves],
        model_params=sliders,
        name="Schelling's model of segregation",
    )


def import_widgets():
    """Return the package ipywidgets, or say how to get it."""
    try:
        import ipywidgets
    except ImportError:
        raise MissingPackageError(
            "The widgets need the package ipywidgets, which isn't installed. Install it: "
            "pip install ipywidgets. Without it, draw boards with workshop_lib.plots.abm.boards."
        ) from None
    return ipywidgets
