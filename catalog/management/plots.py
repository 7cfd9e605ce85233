"""Plots of an evaluation: precision by recall, and the scores of pairs with and without a common label."""

from pathlib import Path

import numpy as np

from catalog.services.maintenance.evaluation import SCORE_BIN_EDGES, Evaluation


def plot_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write both plots, side by side, to a PNG file. Raises OSError if it cannot be written."""
    # Not pyplot, which looks for a window system and keeps global state. Imported here, since matplotlib loads slowly.
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    def plot_precision(axes: Axes) -> None:
        levels = np.linspace(0, 1, len(evaluation.precision_by_recall))
        axes.plot(levels, evaluation.precision_by_recall)
        axes.set(xlabel="recall", ylabel="interpolated precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(f"{len(evaluation.query_metrics)} queries, mAP {evaluation.query_metrics[:, 0].mean():.3f}")
        axes.grid(alpha=0.3)

    def plot_scores(axes: Axes) -> None:
        for name, counts in (
            ("same label", evaluation.same_label_counts),
            ("other pairs", evaluation.other_pair_counts),
        ):
            fractions = counts / max(counts.sum(), 1)
            axes.stairs(fractions, SCORE_BIN_EDGES, fill=True, alpha=0.5, label=f"{name} ({counts.sum():,})")
        occupied_bins = np.flatnonzero(evaluation.same_label_counts + evaluation.other_pair_counts)
        axes.set(
            xlabel="score",
            ylabel="fraction of pairs",
            xlim=(SCORE_BIN_EDGES[occupied_bins[0]], SCORE_BIN_EDGES[occupied_bins[-1] + 1]),
        )
        axes.set_title("Scores of pairs")
        axes.legend()

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    precision_axes, score_axes = figure.subplots(1, 2)
    plot_precision(precision_axes)
    plot_scores(score_axes)
    figure.savefig(path, format="png", dpi=120)
