"""The quality of a network on a sample of the catalogue, and the network to recommend."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.exceptions import Message, gettext_noop
from catalog.imaging.alterations import MILD_ALTERATIONS
from catalog.services.index.training.projection_comparison import MIN_IMAGES
from catalog.vectors import metrics
from catalog.vectors.neighbours.sample_scores import score_sample
from catalog.vectors.projections.projection import Projection, project
from catalog.vectors.projections.unsupervised import fit_centring


@dataclass(frozen=True)
class Quality:
    """How well a network ranks a sample.

    Attributes:
        average_precisions: of each image that shares its label with another: float64, q; None without labels.
        correct_first: whether the first hit of these images has their label: float64, q, 0 or 1; None without labels.
        copies_first: whether the original is the first hit of each altered copy: bool, c × a.
    """

    average_precisions: np.ndarray | None
    correct_first: np.ndarray | None
    copies_first: np.ndarray

    @property
    def decisive(self) -> np.ndarray:
        """What networks are compared by, larger is better: float64, one for each query image."""
        return self.copies_first.mean(axis=1) if self.average_precisions is None else self.average_precisions

    def as_json(self) -> dict[str, object]:
        """Return the figures, rounded, with 95 % bootstrap confidence intervals of the means over the images."""
        figures: dict[str, object] = {}
        for name, values in (
            ("map", self.average_precisions),
            ("precision_at_1", self.correct_first),
            ("copies", self.copies_first.mean(axis=1)),
        ):
            key = "copies_first" if name == "copies" else name
            figures[key] = None if values is None else round(float(values.mean()), 4)
            interval = None if values is None else [round(bound, 4) for bound in metrics.bootstrap_interval(values)]
            figures[f"{name}_interval"] = interval
        shares = self.copies_first.mean(axis=0).tolist()
        figures["copies"] = {name: round(share, 4) for name, share in zip(MILD_ALTERATIONS, shares, strict=True)}
        return figures


def measure_quality(
    vectors: np.ndarray, labels: np.ndarray | None, copies: np.ndarray, originals: np.ndarray
) -> Quality:
    """Rank a sample as searches do: with neighbours, and centred if that is not worse.

    Args:
        vectors: float32, n × d, L2-normalised.
        labels: int64, n; None without labels.
        copies: descriptors of altered copies, float32, c × a × d.
        originals: the position of the original in `vectors`, int64, c.
    """
    projections: list[Projection | None] = [None]
    if len(vectors) >= MIN_IMAGES and (centring := fit_centring(vectors)):
        projections.append(centring)
    best: tuple[float, Quality] | None = None
    for projection in projections:
        measured = _measure(project(projection, vectors), labels, _project_copies(projection, copies), originals)
        if best is None or measured[0] >= best[0]:
            best = measured
    assert best is not None  # noqa: S101, there is at least one projection
    return best[1]


def _project_copies(projection: Projection | None, copies: np.ndarray) -> np.ndarray:
    return project(projection, copies.reshape(-1, copies.shape[-1]))


def _measure(
    rows: np.ndarray, labels: np.ndarray | None, copies: np.ndarray, originals: np.ndarray
) -> tuple[float, Quality]:
    """Return the figure by which projections are compared, as a rebuild compares them, and the quality."""
    scores = score_sample(rows, copies).augmented
    own = scores[np.arange(len(scores)), np.repeat(originals, len(MILD_ALTERATIONS))]
    ranks = (scores > own[:, np.newaxis]).sum(axis=1) + 1
    copies_first = (ranks == 1).reshape(len(originals), len(MILD_ALTERATIONS))
    if labels is None:
        return float((1 / ranks).mean()), Quality(None, None, copies_first)
    relevant = metrics.relevance(score_sample(rows).augmented, labels)
    relevant = relevant[relevant.any(axis=1)]
    precisions = metrics.average_precision(relevant)
    return float(precisions.mean()), Quality(precisions, metrics.precision_at(relevant, 1), copies_first)


@dataclass(frozen=True)
class Competitor:
    """A network that was measured.

    Attributes:
        name: of the network.
        preference: the value of IMAGESEARCH_EXTRACTOR for it.
        milliseconds: for one image, the network alone.
    """

    name: str
    preference: str
    quality: Quality
    milliseconds: float


def choose(competitors: Sequence[Competitor]) -> tuple[Competitor, Message]:
    """Return the network to recommend, and why. The faster one if the difference may be chance.

    It may be chance if the 95 % bootstrap interval of the mean difference over the same query images contains 0.
    """
    best = max(competitors, key=lambda competitor: competitor.quality.decisive.mean())
    equals = [
        competitor
        for competitor in competitors
        if competitor is best or not _is_better(best.quality, competitor.quality)
    ]
    chosen = min(equals, key=lambda competitor: competitor.milliseconds)
    if len(competitors) == 1:
        return chosen, Message(gettext_noop("{name} is the only network that could be measured."), name=chosen.name)
    names = ", ".join(competitor.name for competitor in equals if competitor is not chosen)
    if names:
        return chosen, Message(
            gettext_noop("{name} is faster than {others}, and what it finds does not differ by more than chance."),
            name=chosen.name,
            others=names,
        )
    others = [competitor.quality.decisive.mean() for competitor in competitors if competitor is not chosen]
    value, next_best = f"{chosen.quality.decisive.mean():.3f}", f"{max(others):.3f}"
    if chosen.quality.average_precisions is None:
        template = gettext_noop("{name} finds altered copies best: a share of {value}, the next best {next_best}.")
    else:
        template = gettext_noop(
            "{name} ranks these images best: its mAP is {value}, that of the next best {next_best}."
        )
    return chosen, Message(template, name=chosen.name, value=value, next_best=next_best)


def _is_better(best: Quality, other: Quality) -> bool:
    return metrics.bootstrap_interval(best.decisive - other.decisive)[0] > 0


def describe_switch(preference: str, *, in_use: bool) -> Message:
    """Return how to switch to a network. `in_use`: the catalogue has it already, with the same recipe."""
    if in_use:
        return Message(gettext_noop("The catalogue uses it already."))
    return Message(
        gettext_noop("To use it, set IMAGESEARCH_EXTRACTOR={value}, restart the program and run: {command}"),
        value=preference,
        command=f"python manage.py rebuild_index --reextract --extractor {shlex.quote(preference)}",
    )
