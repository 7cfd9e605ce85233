"""The description of an ONNX network: a small TOML file beside it. docs/networks.md explains its keys."""

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.exceptions import Message, WeightsUnavailable, gettext_noop

MAX_DESCRIPTION_BYTES = 1 << 16
MIN_SIDE, MAX_SIDE = 16, 1024
MAX_MULTIPLE = 64
POOLING_NAMES = ("none", "gem", "mean", "rmac")
TOKEN_CHOICES = ("first", "mean")

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class NetworkDescription:
    """What an ONNX file does not say about its network.

    Attributes:
        path: the TOML file, for messages.
        side: side of the input in pixels: of a square, or with `aspect` "kept" of the square of the same area.
        aspect: "kept" or "squashed".
        multiple: height and width of the input are multiples of it, as the patches of a transformer require.
        mean: subtracted from pixel values of 0 to 1, in the order of the network's channels.
        standard_deviation: what they are divided by then.
        channel_order: of the network, "rgb" or "bgr".
        output: name of the output in the ONNX file; None if it has only one.
        pooling: one of `POOLING_NAMES`; "none" for vectors and tokens.
        tokens: the vector of an output N × T × C: one of `TOKEN_CHOICES`; None for other outputs.
    """

    path: Path
    side: int
    aspect: str
    multiple: int
    mean: Triple
    standard_deviation: Triple
    channel_order: str
    output: str | None
    pooling: str
    tokens: str | None


def read_description(path: Path) -> NetworkDescription:
    """Return the description in a TOML file.

    Raises:
        WeightsUnavailable: the file is missing, is not TOML, or a key is missing, unknown or has a wrong value. The
            message names the file and the key.
    """
    data = _read_toml(path)
    if unknown := sorted(data.keys() - KEYS.keys()):
        raise WeightsUnavailable(
            "{path}: there is no key {key}. The keys are {keys}.", path=path, key=unknown[0], keys=", ".join(KEYS)
        )
    values = {name: _parse_value(path, name, value) for name, value in data.items()}
    for name in ("mean", "standard_deviation", "pooling"):
        if name not in values:
            raise WeightsUnavailable(
                "{path}: the key {key} is missing. It must be {allowed}.", path=path, key=name, allowed=KEYS[name][1]
            )
    side, aspect = _input_side(path, values)
    if values.get("tokens") and values["pooling"] != "none":
        raise WeightsUnavailable('{path}: with the key tokens, the key pooling must be "none".', path=path)
    return NetworkDescription(
        path=path,
        side=side,
        aspect=aspect,
        multiple=values.get("multiple", 1),
        mean=values["mean"],
        standard_deviation=values["standard_deviation"],
        channel_order=values.get("channel_order", "rgb"),
        output=values.get("output"),
        pooling=values["pooling"],
        tokens=values.get("tokens"),
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DESCRIPTION_BYTES + 1)
        if len(content) > MAX_DESCRIPTION_BYTES:
            raise WeightsUnavailable(
                "{path} has more than {limit} bytes. It is not the description of a network.",
                path=path,
                limit=MAX_DESCRIPTION_BYTES,
            )
        return tomllib.loads(content.decode())
    except OSError as error:
        raise WeightsUnavailable(
            "{path} cannot be read: {error}. An ONNX file needs a description beside it, with the same name and the "
            "suffix .toml: see docs/networks.md.",
            path=path,
            error=error.strerror or error,
        ) from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise WeightsUnavailable("{path} is not valid TOML: {error}", path=path, error=error) from error


def _parse_value(path: Path, name: str, value: object) -> Any:
    parse, allowed = KEYS[name]
    try:
        return parse(value)
    except (ValueError, OverflowError):
        raise WeightsUnavailable(
            "{path}: the key {key} is {value}. It must be {allowed}.",
            path=path,
            key=name,
            value=repr(value)[:100],
            allowed=allowed,
        ) from None


def _input_side(path: Path, values: dict[str, Any]) -> tuple[int, str]:
    """Return the side of the input and the aspect: `size` is a square, so its aspect is always "squashed"."""
    if ("size" in values) == ("area_side" in values):
        raise WeightsUnavailable("{path}: exactly one of the keys size and area_side is needed.", path=path)
    key = "size" if "size" in values else "area_side"
    aspect: str = values.get("aspect", "squashed" if key == "size" else "kept")
    if key == "size" and aspect == "kept":
        raise WeightsUnavailable(
            '{path}: with the key size, every picture becomes a square, so that the key aspect cannot be "kept". Use '
            "the key area_side instead of size.",
            path=path,
        )
    side, multiple = values[key], values.get("multiple", 1)
    if side % multiple:
        raise WeightsUnavailable(
            "{path}: the key {key} is {side}. It must be divisible by {multiple}, the value of the key multiple.",
            path=path,
            key=key,
            side=side,
            multiple=multiple,
        )
    return side, aspect


def _integer(lowest: int, highest: int) -> tuple[Callable[[object], int], Message]:
    def parse(value: object) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise ValueError
        return value

    return parse, Message(
        gettext_noop("an integer from {lowest} to {highest}"), lowest=str(lowest), highest=str(highest)
    )


def _choice(*choices: str) -> tuple[Callable[[object], str], Message]:
    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError
        return value

    return parse, Message(gettext_noop("one of {choices}"), choices=", ".join(f'"{choice}"' for choice in choices))


def _parse_name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _parse_three_numbers(value: object) -> Triple:
    if not isinstance(value, list) or len(value) != 3 or any(type(number) not in (int, float) for number in value):
        raise ValueError
    first, second, third = map(float, value)
    if not all(map(math.isfinite, (first, second, third))):
        raise ValueError
    return first, second, third


def _parse_three_positive_numbers(value: object) -> Triple:
    numbers = _parse_three_numbers(value)
    if min(numbers) <= 0:
        raise ValueError
    return numbers


# The parser of each key, which raises ValueError, and what is allowed.
KEYS: dict[str, tuple[Callable[[object], Any], Message]] = {
    "size": _integer(MIN_SIDE, MAX_SIDE),
    "area_side": _integer(MIN_SIDE, MAX_SIDE),
    "aspect": _choice("kept", "squashed"),
    "multiple": _integer(1, MAX_MULTIPLE),
    "mean": (_parse_three_numbers, Message(gettext_noop("three numbers, for pixel values from 0 to 1"))),
    "standard_deviation": (
        _parse_three_positive_numbers,
        Message(gettext_noop("three positive numbers, for pixel values from 0 to 1")),
    ),
    "channel_order": _choice("rgb", "bgr"),
    "output": (_parse_name, Message(gettext_noop("the name of an output of the ONNX file"))),
    "pooling": _choice(*POOLING_NAMES),
    "tokens": _choice(*TOKEN_CHOICES),
}
