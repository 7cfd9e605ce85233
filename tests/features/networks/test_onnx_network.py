"""Networks in ONNX files. Their outputs are compared with those of the reference implementation in `onnx`."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features.networks import onnx_network
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network
from catalog.features.networks.onnx_network import OnnxNetwork, open_onnx
from catalog.features.openvino_import import import_openvino
from tests.features.conftest import demo_pictures, extract_descriptors, network_batch
from tests.features.networks.onnx_files import CHANNELS, write_efficientnet_lite2, write_transformer

MEAN, DEVIATION = np.array([0.5, 0.4, 0.3], np.float32), np.array([0.2, 0.25, 0.3], np.float32)
NORMALISATION = "mean = [0.5, 0.4, 0.3]\nstandard_deviation = [0.2, 0.25, 0.3]\n"
VECTOR = f'{NORMALISATION}size = 32\noutput = "vector"\npooling = "none"\n'


def describe(path: Path, text: str) -> OnnxNetwork:
    """Write the description and open the network."""
    path.with_suffix(".toml").write_text(text)
    return open_onnx(path)


def run(network, pictures: np.ndarray) -> np.ndarray:
    openvino, _ = import_openvino()
    model = network.build_model(network.recipe.layer, "float32")
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled({"pictures": pictures})[0]


def reference(path: Path, output: str, pictures: np.ndarray) -> np.ndarray:
    """The output for RGB pictures, uint8 (n, h, w, 3)."""
    inputs = ((pictures / np.float32(255) - MEAN) / DEVIATION).astype(np.float32)
    if onnx.load(path).graph.input[0].type.tensor_type.shape.dim[1].dim_value == 3:
        inputs = inputs.transpose(0, 3, 1, 2)
    evaluator = ReferenceEvaluator(str(path))
    return np.concatenate([evaluator.run([output], {"images": one[np.newaxis]})[0] for one in inputs])


def random_pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, height, width, 3), np.uint8)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(axis=1) / norms


@pytest.fixture
def transformer(tmp_path: Path) -> Path:
    return write_transformer(tmp_path / "transformer.onnx")


@pytest.fixture
def exported_lite2(tmp_path: Path) -> OnnxNetwork:
    """The bundled network, with (x - 127) / 128 as its preprocessing."""
    path = write_efficientnet_lite2(tmp_path / "lite2.onnx")
    text = "area_side = 260\npooling = 'gem'\nmean = [0.498039, 0.498039, 0.498039]\n"
    return describe(path, text + "standard_deviation = [0.501961, 0.501961, 0.501961]\n")


@pytest.mark.slow
def test_the_bundled_network_exported_to_onnx_gives_the_same_descriptors(exported_lite2):
    settings = {"input_sizes": (260,), "aspect": "kept", "pooling": "gem", "dimensions": 1280, "basis": ""}
    pictures = demo_pictures(4)[:, :, 40:]
    exported = extract_descriptors(exported_lite2, "openvino", pictures)
    bundled = extract_descriptors(efficientnet_lite2_network(), "openvino", pictures, **settings)
    assert exported.shape == (4, 1280)
    assert cosines(exported, bundled).min() > 0.9999
    assert cosines(exported, np.roll(bundled, 1, axis=0)).max() < 0.99


@pytest.mark.slow
def test_the_bundled_network_exported_to_onnx_has_the_same_maps(exported_lite2):
    pictures = np.stack(network_batch(2, 224, 304))
    maps, expected = run(exported_lite2, pictures), run(efficientnet_lite2_network(), pictures)
    assert maps.shape == expected.shape == (2, 1280, 7, 10)
    assert cosines(maps.reshape(2, -1), expected.reshape(2, -1)).min() > 0.9999


@pytest.mark.parametrize(("choice", "tokens"), [("vector", ""), ("tokens", 'tokens = "mean"')])
def test_a_transformer_gives_descriptors(transformer, choice, tokens):
    network = describe(transformer, VECTOR.replace('"vector"', f'"{choice}"') + tokens)
    descriptors = extract_descriptors(network, "openvino", demo_pictures(4))
    assert descriptors.shape == (4, CHANNELS)
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, atol=1e-5)
    assert descriptors.min() < 0


def test_the_vector_of_a_transformer_is_that_of_the_reference(transformer):
    network, pictures = describe(transformer, VECTOR), random_pictures(3, 32, 32)
    np.testing.assert_allclose(run(network, pictures), reference(transformer, "vector", pictures), atol=2e-5)
    assert network.channels("output") == CHANNELS


@pytest.mark.parametrize(("choice", "vector_of"), [("first", lambda t: t[:, 0]), ("mean", lambda t: t.mean(axis=1))])
def test_tokens_become_a_vector(transformer, choice, vector_of):
    network = describe(transformer, VECTOR.replace('"vector"', '"tokens"') + f'tokens = "{choice}"')
    pictures = random_pictures(2, 32, 32)
    expected = vector_of(reference(transformer, "tokens", pictures))
    np.testing.assert_allclose(run(network, pictures), expected, atol=2e-5)


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_file_for_one_picture_at_a_time_takes_several(tmp_path, channels_last):
    path = write_transformer(tmp_path / "single.onnx", any_batch=False, channels_last=channels_last)
    pictures = random_pictures(3, 32, 32)
    network = describe(path, VECTOR)
    np.testing.assert_allclose(run(network, pictures), reference(path, "vector", pictures), atol=2e-5)
    np.testing.assert_allclose(run(network, pictures[:1]), reference(path, "vector", pictures[:1]), atol=2e-5)


def test_blue_comes_first_if_the_description_says_so(transformer):
    pictures = random_pictures(2, 32, 32)
    expected = reference(transformer, "vector", pictures[..., ::-1])
    np.testing.assert_allclose(
        run(describe(transformer, VECTOR + 'channel_order = "bgr"'), pictures), expected, atol=2e-5
    )


@pytest.mark.parametrize("any_batch", [True, False])
def test_a_file_for_any_size_keeps_the_aspect(tmp_path, any_batch):
    path = write_transformer(tmp_path / "any.onnx", side=None, any_batch=any_batch)
    network = describe(path, VECTOR.replace("size = 32", "area_side = 32\nmultiple = 8"))
    assert (network.recipe.aspect, network.recipe.input_sizes) == ("kept", (32,))
    assert network.channels("output") == CHANNELS
    pictures = random_pictures(2, 24, 40)
    np.testing.assert_allclose(run(network, pictures), reference(path, "vector", pictures), atol=2e-5)


def test_other_sizes_become_multiples_of_the_patch(tmp_path):
    path = write_transformer(tmp_path / "any.onnx", side=None)
    text = VECTOR.replace("size = 32", "area_side = 32\nmultiple = 8").replace('"vector"', '"tokens"')
    model = describe(path, text + 'tokens = "mean"').build_model("output", "float32")
    pictures = np.full((1, 29, 35, 3), 128, np.uint8)  # flat, so that resizing changes no pixel
    openvino, _ = import_openvino()
    vector = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(pictures)[0]
    expected = reference(path, "tokens", np.full((1, 32, 32, 3), 128, np.uint8)).mean(axis=1)
    np.testing.assert_allclose(vector, expected, atol=2e-5)


def test_the_input_of_the_model_is_named_pictures_and_the_name_is_that_of_the_file(transformer):
    network = describe(transformer, VECTOR)
    model = network.build_model("output", "float32")
    assert [(port.any_name, port.element_type.get_type_name()) for port in model.inputs] == [("pictures", "u8")]
    assert str(model.input(0).partial_shape) == "[?,32,32,3]"
    assert network.name == "onnx:transformer"


def test_the_digest_depends_on_both_files(transformer):
    digest = describe(transformer, VECTOR).digest
    assert describe(transformer, VECTOR + "# a remark").digest != digest
    assert describe(transformer, VECTOR).digest == digest
    transformer.write_bytes(write_transformer(transformer.with_name("other.onnx"), any_batch=False).read_bytes())
    assert describe(transformer, VECTOR).digest != digest


def test_a_file_that_changes_is_not_used(transformer):
    network = describe(transformer, VECTOR)
    transformer.with_suffix(".toml").write_text(VECTOR.replace("0.5", "0.6"))
    with pytest.raises(WeightsDamaged, match="has changed"):
        network.build_model("output", "float32")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size = 32", "size = 40", ["key size is 40", "? × 3 × 32 × 32"]),
        ("size = 32", "area_side = 32", ["key area_side", "? × 3 × 32 × 32"]),
        ('output = "vector"', "", ["key output is missing", "tokens, vector"]),
        ('"vector"', '"pooled"', ["key output is 'pooled'", "tokens, vector"]),
        ('pooling = "none"', 'pooling = "gem"', ["key pooling", "1 × 32", '"none"']),
        ('"vector"', '"tokens"', ["key tokens", "1 × 17 × 32", '"first", "mean"']),
        ('pooling = "none"', 'pooling = "none"\ntokens = "mean"', ["key tokens", "1 × 32"]),
    ],
)
def test_a_description_that_disagrees_with_the_file_is_rejected(transformer, old, new, words):
    network = describe(transformer, VECTOR.replace(old, new))
    with pytest.raises(WeightsUnavailable) as caught:
        network.build_model("output", "float32")
    assert [word for word in [str(transformer.with_suffix(".toml")), *words] if word not in str(caught.value)] == []


def test_maps_need_a_pooling(tmp_path):
    network = describe(write_efficientnet_lite2(tmp_path / "lite2.onnx"), NORMALISATION + 'size = 64\npooling = "none"')
    with pytest.raises(WeightsUnavailable, match='key pooling must be one of "gem", "mean", "rmac"'):
        network.build_model("output", "float32")


def test_a_file_that_fails_for_other_shapes_is_rejected(tmp_path):
    """Its input has any size, but the number of its patches is part of the graph."""
    network = describe(
        change_patches(write_transformer(tmp_path / "fixed.onnx", side=None), [0, CHANNELS, 16]),
        VECTOR.replace("size = 32", "area_side = 32\nmultiple = 8"),
    )
    with pytest.raises(WeightsUnavailable, match=r"fixed\.toml: the network does not accept pictures .* area_side"):
        _ = network.recipe


def test_a_file_that_mixes_pictures_is_rejected(tmp_path):
    """Its graph adds the mean of all pictures to each of them."""
    path = write_transformer(tmp_path / "mixed.onnx")
    model = onnx.load(path)
    convolution = next(node for node in model.graph.node if node.op_type == "Conv")
    mean = onnx.helper.make_node("ReduceMean", [convolution.output[0]], ["mean"], axes=[0])
    mixed = onnx.helper.make_node("Add", [convolution.output[0], "mean"], ["mixed"])
    reshape = next(node for node in model.graph.node if node.op_type == "Reshape")
    reshape.input[0] = "mixed"
    position = list(model.graph.node).index(reshape)
    model.graph.node.insert(position, mixed)
    model.graph.node.insert(position, mean)
    onnx.save(model, path)
    with pytest.raises(WeightsUnavailable, match="another output for two pictures than for one"):
        _ = describe(path, VECTOR).recipe


def test_a_file_that_computes_no_numbers_is_rejected(transformer):
    model = onnx.load(transformer)
    next(node for node in model.graph.node if node.op_type == "Tanh").op_type = "Log"  # of negative numbers
    onnx.save(model, transformer)
    with pytest.raises(WeightsUnavailable, match="values that are not numbers"):
        _ = describe(transformer, VECTOR).recipe


def change_patches(path: Path, shape: list[int]) -> Path:
    """Reshape the patches to another shape."""
    model = onnx.load(path)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape, np.int64), "shape"))
    next(node for node in model.graph.node if node.op_type == "Reshape").input[1] = "shape"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("content", [b"", b"not an ONNX file", b"\x08\x07" * 50])
def test_a_damaged_file_is_rejected(transformer, content):
    transformer.write_bytes(content)
    network = describe(transformer, VECTOR)
    with pytest.raises(WeightsDamaged, match=r"OpenVINO cannot read .*transformer\.onnx"):
        network.build_model("output", "float32")


def test_a_truncated_file_is_rejected(transformer):
    transformer.write_bytes(transformer.read_bytes()[:-2000])
    network = describe(transformer, VECTOR)
    with pytest.raises(WeightsDamaged, match="OpenVINO cannot read"):
        network.build_model("output", "float32")


def test_weights_in_another_file_are_rejected(transformer):
    model = onnx.load(transformer)
    onnx.save(model, transformer, save_as_external_data=True, location="weights.data", size_threshold=0)
    with pytest.raises(WeightsUnavailable, match="external_data=False"):
        describe(transformer, VECTOR)


def test_a_file_that_is_too_large_is_rejected(transformer, monkeypatch):
    monkeypatch.setattr(onnx_network, "MAX_FILE_BYTES", 1 << 10)
    with pytest.raises(WeightsUnavailable, match="at most 0 MB are allowed"):
        describe(transformer, VECTOR)


def test_a_missing_file_is_rejected(tmp_path):
    with pytest.raises(WeightsUnavailable, match=r"missing\.onnx cannot be read"):
        open_onnx(tmp_path / "missing.onnx")


def test_a_file_without_a_description_is_rejected(transformer):
    with pytest.raises(WeightsUnavailable, match=r"transformer\.toml cannot be read.*docs/networks\.md"):
        open_onnx(transformer)


@pytest.mark.parametrize("name", ["two words", "è", "a" * 41, ".hidden"])
def test_a_name_that_cannot_be_part_of_a_key_is_rejected(transformer, name):
    with pytest.raises(WeightsUnavailable, match="rename the file"):
        open_onnx(transformer.with_name(name + ".onnx"))


def test_other_layers_and_precisions_do_not_exist(transformer):
    network = describe(transformer, VECTOR)
    with pytest.raises(ValueError, match="no layer"):
        network.channels("block5_conv3")
    with pytest.raises(ValueError, match="int8"):
        network.build_model("output", "int8")
