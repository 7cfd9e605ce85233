"""The curves of an evaluation: precision by recall, and the scores of pairs with and without a label in common."""

from pathlib import Path

import numpy as np

from catalog.services.evaluation import EDGES, Evaluation


def draw(evaluation: Evaluation, path: Path) -> None:
    """Write both, side by side, to a PNG file. Raises OSError: it cannot be written."""
    # Without pyplot: no window system is looked for, and nothing is kept from one drawing to the next.
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    def draw_precision(axes: Axes) -> None:
        levels = np.linspace(0, 1, len(evaluation.precision_by_recall))
        axes.plot(levels, evaluation.precision_by_recall)
        axes.set(xlabel="recall", ylabel="interpolated precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(f"{len(evaluation.answers)} queries, mAP {evaluation.answers[:, 0].mean():.3f}")
        axes.grid(alpha=0.3)

    def draw_scores(axes: Axes) -> None:
        for name, counts in (("same label", evaluation.alike), ("other pairs", evaluation.others)):
            shares = counts / max(counts.sum(), 1)
            axes.stairs(shares, EDGES, fill=True, alpha=0.5, label=f"{name} ({counts.sum():,})")
        there = np.flatnonzero(evaluation.alike + evaluation.others)
        axes.set(xlabel="score", ylabel="share of the pairs", xlim=(EDGES[there[0]], EDGES[there[-1] + 1]))
        axes.set_title("Scores of pairs")
        axes.legend()

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    precision, scores = figure.subplots(1, 2)
    draw_precision(precision)
    draw_scores(scores)
    figure.savefig(path, format="png", dpi=120)
