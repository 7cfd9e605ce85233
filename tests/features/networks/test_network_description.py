"""The description of an ONNX network. Every error names the file and the key."""

from pathlib import Path

import pytest

from catalog.exceptions import WeightsUnavailable
from catalog.features.networks.network_description import KEYS, NetworkDescription, read_description

REQUIRED = {
    "size": "224",
    "pooling": '"none"',
    "mean": "[0.485, 0.456, 0.406]",
    "standard_deviation": "[0.229, 0.224, 0.225]",
}
DOCS = Path(__file__).resolve().parents[3] / "docs" / "networks.md"


def read(folder: Path, **values: str) -> NetworkDescription:
    """The description with the required keys, except those whose value is empty, and others."""
    path = folder / "encoder.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in {**REQUIRED, **values}.items() if value))
    return read_description(path)


def test_keys_that_are_left_out_have_defaults(tmp_path):
    assert read(tmp_path) == NetworkDescription(
        path=tmp_path / "encoder.toml",
        side=224,
        aspect="squashed",
        multiple=1,
        mean=(0.485, 0.456, 0.406),
        standard_deviation=(0.229, 0.224, 0.225),
        channel_order="rgb",
        output=None,
        pooling="none",
        tokens=None,
    )


def test_every_key_is_read(tmp_path):
    others = {"multiple": "14", "channel_order": '"bgr"', "output": '"last"', "tokens": '"mean"', "mean": "[0, 1, 2]"}
    description = read(tmp_path, size="", area_side="518", aspect='"kept"', **others)
    assert (description.side, description.aspect, description.multiple) == (518, "kept", 14)
    assert (description.channel_order, description.output, description.tokens) == ("bgr", "last", "mean")
    assert description.mean == (0.0, 1.0, 2.0)


def test_an_area_keeps_the_aspect_unless_it_is_said_otherwise(tmp_path):
    assert read(tmp_path, size="", area_side="224").aspect == "kept"
    assert read(tmp_path, size="", area_side="224", aspect='"squashed"').aspect == "squashed"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("size", "15", "an integer from 16 to 1024"),
        ("size", "1025", "an integer from 16 to 1024"),
        ("size", "224.0", "an integer from 16 to 1024"),
        ("size", "true", "an integer from 16 to 1024"),
        ("multiple", "0", "an integer from 1 to 64"),
        ("aspect", '"cropped"', '"kept", "squashed"'),
        ("pooling", '"max"', '"none", "gem", "mean", "rmac"'),
        ("pooling", "[]", '"none", "gem", "mean", "rmac"'),
        ("tokens", '"last"', '"first", "mean"'),
        ("channel_order", '"RGB"', '"rgb", "bgr"'),
        ("output", '""', "the name of an output"),
        ("mean", "0.5", "three numbers"),
        ("mean", "[0.5, 0.5]", "three numbers"),
        ("mean", "[0.5, 0.5, nan]", "three numbers"),
        ("mean", "[0.5, 0.5, true]", "three numbers"),
        ("mean", f"[0.5, 0.5, {'9' * 400}]", "three numbers"),
        ("standard_deviation", "[0.5, 0.5, 0]", "three positive numbers"),
    ],
)
def test_a_wrong_value_is_rejected(tmp_path, key, value, allowed):
    with pytest.raises(WeightsUnavailable) as caught:
        read(tmp_path, **{key: value})
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'encoder.toml'}: the key {key} is ")
    assert allowed in message
    assert len(message) < 400


@pytest.mark.parametrize("key", ["pooling", "mean", "standard_deviation"])
def test_a_missing_key_is_named(tmp_path, key):
    with pytest.raises(WeightsUnavailable, match=f"the key {key} is missing"):
        read(tmp_path, **{key: ""})


def test_an_unknown_key_is_rejected(tmp_path):
    with pytest.raises(WeightsUnavailable, match=r"there is no key std\. The keys are size, area_side"):
        read(tmp_path, std="1")


@pytest.mark.parametrize("values", [{"size": ""}, {"area_side": "224"}])
def test_one_of_size_and_area_is_needed(tmp_path, values):
    with pytest.raises(WeightsUnavailable, match="exactly one of the keys size and area_side"):
        read(tmp_path, **values)


def test_a_square_does_not_keep_the_aspect(tmp_path):
    with pytest.raises(WeightsUnavailable, match="key aspect cannot be"):
        read(tmp_path, aspect='"kept"')


def test_the_side_is_divisible_by_the_multiple(tmp_path):
    with pytest.raises(WeightsUnavailable, match=r"key size is 224\. It must be divisible by 15"):
        read(tmp_path, multiple="15")


def test_tokens_are_not_pooled(tmp_path):
    with pytest.raises(WeightsUnavailable, match="with the key tokens, the key pooling"):
        read(tmp_path, tokens='"first"', pooling='"gem"')


@pytest.mark.parametrize("content", [b"size = ", b"\xff\xfe", b"size = 1\nsize = 2", b"a=" + b"[" * 30_000])
def test_a_file_that_is_not_toml_is_rejected(tmp_path, content):
    path = tmp_path / "encoder.toml"
    path.write_bytes(content)
    with pytest.raises(WeightsUnavailable, match=r"encoder\.toml is not valid TOML"):
        read_description(path)


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "encoder.toml"
    path.write_bytes(b"#" * (1 << 17))
    with pytest.raises(WeightsUnavailable, match="more than 65536 bytes"):
        read_description(path)


def test_every_key_is_documented():
    text = DOCS.read_text()
    assert [key for key in KEYS if f"| `{key}` |" not in text] == []
