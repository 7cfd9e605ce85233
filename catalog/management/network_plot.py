"""Plot of a comparison of networks: bars for each network."""

from pathlib import Path
from typing import Any


def plot_comparison(result: dict[str, Any], path: Path) -> None:
    """Write bars of quality and of time to a PNG file. Raises OSError if it cannot be written.

    Args:
        result: `network_comparison.Comparison.as_json`.
    """
    # Not pyplot, which looks for a window system and keeps global state. Imported here, since matplotlib loads slowly.
    from matplotlib.figure import Figure

    networks = [network for network in result["networks"] if network["error"] is None]
    names = [network["name"] for network in networks]
    figures = [("copies", "altered copies found first")]
    if result["labels"]:
        figures.insert(0, ("map", "mAP"))
    figure = Figure(figsize=(11, 1.5 + 0.7 * len(networks)), layout="constrained")
    quality_axes, time_axes = figure.subplots(1, 2, sharey=True)
    height = 0.8 / len(figures)
    for offset, (key, label) in enumerate(figures):
        values = [network["copies_first" if key == "copies" else key] for network in networks]
        intervals = [network[f"{key}_interval"] for network in networks]
        # A percentile interval need not contain the mean of very few values.
        errors = [
            [max(0.0, value - low) for value, (low, _) in zip(values, intervals, strict=True)],
            [max(0.0, high - value) for value, (_, high) in zip(values, intervals, strict=True)],
        ]
        positions = [number + offset * height for number in range(len(names))]
        quality_axes.barh(positions, values, height, xerr=errors, label=label)
    quality_axes.set(xlim=(0, 1.02), title=f"{result['images']} images")
    quality_axes.set_yticks([number + height * (len(figures) - 1) / 2 for number in range(len(names))], names)
    quality_axes.invert_yaxis()
    figure.legend(loc="outside lower left", ncols=len(figures))
    time_axes.barh(quality_axes.get_yticks(), [network["ms"] for network in networks], 0.8, color="tab:gray")
    time_axes.set(title="ms an image, the network alone")
    figure.savefig(path, format="png", dpi=120)
