# ruff: noqa: E402, modules that need PyTorch are imported after importorskip
import re

import h5py
import numpy as np
import pytest

from catalog.features import weights as files
from catalog.features.networks import VGG16_COMPACT, Architecture
from catalog.features.preprocessing import preprocess_input
from catalog.features.runtimes import open_runtime
from catalog.features.weights import Weights, file_digest
from tools.training.pictures import read_folder

torch = pytest.importorskip("torch", reason="PyTorch is an optional requirement: tools/requirements.txt")

from tools import train_compact
from tools.training.export import fold_batch_norms, write
from tools.training.network import SCALE, ClassifyingNetwork, network_planes
from tools.training.recipe import Stage, augment, top_1_accuracy, train

TINY_ARCHITECTURE = Architecture("tiny", (2, 2, 3, 3, 4))


@pytest.fixture(scope="module")
def labelled_pictures(shapes_folder):
    return read_folder(shapes_folder, 32, threads=2)


@pytest.fixture(scope="module")
def trained_network(labelled_pictures):
    """The compact network after a short training, and the epochs."""
    torch.manual_seed(0)
    torch.set_num_threads(2)
    network = ClassifyingNetwork(VGG16_COMPACT, 3)
    epochs = list(train(network, labelled_pictures, [Stage(16, 4), Stage(32, 6)], batch=16))
    return network, epochs


@pytest.fixture(scope="module")
def weights_file(trained_network, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "compact.h5"
    write(fold_batch_norms(trained_network[0]), path)
    return Weights(path, VGG16_COMPACT, file_digest(path, ""))


def test_training_learns_to_distinguish_the_shapes(trained_network, labelled_pictures):
    network, epochs = trained_network

    assert [(epoch.number, epoch.size) for epoch in epochs] == [(n, 16 if n < 5 else 32) for n in range(1, 11)]
    assert epochs[-1].loss < epochs[0].loss
    assert top_1_accuracy(network, labelled_pictures, batch=32) > 0.8  # random guesses: 1/3


def test_ncnn_computes_the_maps_of_the_trained_network_from_the_written_file(
    trained_network, labelled_pictures, weights_file, models_dir
):
    network = trained_network[0].eval()
    pictures = labelled_pictures.pixels[::8]
    runtime = open_runtime("ncnn", weights_file, layer="block5_conv3", cache_dir=models_dir, threads=2)

    with torch.inference_mode():
        expected = network.maps(network_planes(torch.from_numpy(pictures))).permute(0, 2, 3, 1).numpy()

    assert expected.max() > 0.1
    np.testing.assert_allclose(runtime.feature_maps(pictures), expected, rtol=0, atol=0.01 * expected.max())  # float16


def array_shapes(file):
    shapes = {}
    file.visititems(lambda name, item: shapes.update({name: getattr(item, "shape", "group")}))
    return shapes


def test_the_file_has_the_layout_of_keras(weights_file):
    with h5py.File(weights_file.path) as file, h5py.File(files.COMPACT_FILE) as bundled:
        assert array_shapes(file) == array_shapes(bundled)
        assert list(file.attrs["layer_names"]) == list(bundled.attrs["layer_names"])
        for layer in bundled:
            assert list(file[layer].attrs["weight_names"]) == list(bundled[layer].attrs["weight_names"])
        assert file["block1_conv1/block1_conv1/kernel:0"].dtype == np.float16


def test_folding_batch_normalisation_does_not_change_the_maps():
    torch.manual_seed(3)
    network = ClassifyingNetwork(TINY_ARCHITECTURE, 2).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for numbers in (module.weight.data, module.running_var):
                numbers.uniform_(1e-6, 2)
            for numbers in (module.bias.data, module.running_mean):
                numbers.normal_()
    network.double()
    pixels = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    planes = torch.from_numpy(preprocess_input(pixels.numpy())).double().permute(0, 3, 1, 2)

    for layer in TINY_ARCHITECTURE.layers():
        if layer.name == "block5_pool":
            break
        if layer.name in (layers := fold_batch_norms(network)):
            kernel, bias = (torch.from_numpy(array.copy()) for array in layers[layer.name])
            planes = torch.conv2d(planes, kernel.permute(3, 2, 0, 1), bias, padding=1).relu()
        else:
            planes = torch.max_pool2d(planes, 2)

    with torch.inference_mode():
        expected = network.maps(network_planes(pixels).double())
    assert expected.max() > 0
    torch.testing.assert_close(planes, expected, rtol=1e-5, atol=1e-5 * expected.max().item())


def test_augmentation_crops_with_the_aspect_ratio_kept_and_flips_half_of_the_pictures():
    across = torch.arange(64, dtype=torch.uint8).mul(4).expand(64, 64)
    pixels = torch.stack([across, across.T, across], dim=2).expand(256, 64, 64, 3)
    torch.manual_seed(0)

    crops = augment(pixels, 64) * SCALE

    x_slopes = crops[:, 0, 32, 48] - crops[:, 0, 32, 16]
    y_slopes = crops[:, 1, 48, 32] - crops[:, 1, 16, 32]
    torch.testing.assert_close(x_slopes.abs(), y_slopes, atol=0.5, rtol=0)  # square crops, not flipped vertically
    areas = (y_slopes / (32 * 4)) ** 2
    assert 0.45 < areas.min() < 0.6
    assert 0.9 < areas.max() < 1.05
    assert 96 < (x_slopes < 0).sum() < 160


def test_fewer_pictures_than_batch_size_form_one_batch(labelled_pictures):
    epochs = train(ClassifyingNetwork(TINY_ARCHITECTURE, 3), labelled_pictures, [Stage(16, 5)], batch=1000)

    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5]


def test_a_non_finite_loss_stops_the_training(labelled_pictures):
    network = ClassifyingNetwork(TINY_ARCHITECTURE, 3)
    torch.nn.init.constant_(network.classifier.bias, float("nan"))

    with pytest.raises(train_compact.ImageSearchError, match="diverged in epoch 1: the loss is nan"):
        next(train(network, labelled_pictures, [Stage(16, 1)], batch=16))


def test_the_command_trains_and_validates_and_the_same_seed_gives_the_same_file(shapes_folder, tmp_path, capsys):
    def run(name, seed):
        path = str(tmp_path / "new" / name)
        briefly = ["--epochs", "16:1", "24:1", "--batch", "32", "--threads", "1"]
        train_compact.main(
            [str(shapes_folder), "--out", path, "--validate", str(shapes_folder), *briefly, "--seed", seed]
        )
        return (tmp_path / "new" / name).read_bytes()

    first = run("a.h5", "1")
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "96 pictures of 3 classes"
    assert re.fullmatch(r"epoch 1, 16 px: loss \d\.\d{3}, top-1 \d+\.\d%", lines[1])
    assert re.fullmatch(r"epoch 2, 24 px: loss \d\.\d{3}, top-1 \d+\.\d%", lines[2])
    path = tmp_path / "new" / "a.h5"
    assert lines[3] == f"{path} has the SHA-256 {file_digest(path, '')}"
    assert (
        files.read_layers(Weights(path, VGG16_COMPACT, file_digest(path, ""))).keys()
        == files.read_layers(files.compact_weights()).keys()
    )
    assert run("b.h5", "1") == first
    assert run("c.h5", "2") != first


def test_an_error_prints_a_message_and_writes_no_file(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        train_compact.main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "out.h5")])

    assert ended.value.code == f"{tmp_path / 'nowhere'} cannot be read: No such file or directory."
    assert not (tmp_path / "out.h5").exists()


def test_an_output_that_cannot_be_written_is_rejected_before_reading_pictures(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for out, why in ((tmp_path / "file" / "out.h5", "File exists"), (tmp_path, "it is a folder")):
        with pytest.raises(SystemExit) as ended:
            train_compact.main([str(tmp_path / "nowhere"), "--out", str(out)])
        assert ended.value.code == f"The weights cannot be written to {out}: {why}."


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--epochs", "32"], "'32' is not SIZE:EPOCHS, such as 32:10"),
        (["--epochs", "32:many"], "'32:many' is not SIZE:EPOCHS"),
        (["--epochs", "8:1"], "8 is too small, it must be at least 16"),
        (["--epochs", "32:0"], "0 is too small, it must be at least 1"),
        (["--batch", "1"], "1 is too small, it must be at least 2"),
        (["--threads", "two"], "invalid whole number value: 'two'"),
    ],
)
def test_an_invalid_option_is_named(tmp_path, capsys, arguments, reason):
    with pytest.raises(SystemExit):
        train_compact.main([str(tmp_path), "--out", "out.h5", *arguments])

    message = capsys.readouterr().err
    assert arguments[0] in message
    assert reason in message
