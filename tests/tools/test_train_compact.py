# ruff: noqa: E402, what needs PyTorch is imported where it is known to be there
import re

import h5py
import numpy as np
import pytest

from catalog.features import weights as files
from catalog.features.architectures import VGG16_COMPACT, Architecture
from catalog.features.preprocessing import network_input
from catalog.features.runtimes import open_runtime
from catalog.features.weights import Weights, digest
from tools.training.pictures import read_folder

torch = pytest.importorskip("torch", reason="PyTorch is an optional requirement: tools/requirements.txt")

from tools import train_compact
from tools.training.export import folded, write
from tools.training.network import SCALE, ClassifyingNetwork, network_planes
from tools.training.recipe import Stage, top_1, train, varied

TINY = Architecture("tiny", (2, 2, 3, 3, 4))


@pytest.fixture(scope="module")
def labelled(shapes):
    return read_folder(shapes, 32, threads=2)


@pytest.fixture(scope="module")
def trained(labelled):
    """The compact network after a few seconds, and its epochs."""
    torch.manual_seed(0)
    torch.set_num_threads(2)
    network = ClassifyingNetwork(VGG16_COMPACT, 3)
    epochs = list(train(network, labelled, [Stage(16, 4), Stage(32, 6)], batch=16))
    return network, epochs


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "compact.h5"
    write(folded(trained[0]), path)
    return Weights(path, VGG16_COMPACT, digest(path, ""))


def test_it_learns_to_tell_the_shapes_apart(trained, labelled):
    network, epochs = trained

    assert [(epoch.number, epoch.size) for epoch in epochs] == [(n, 16 if n < 5 else 32) for n in range(1, 11)]
    assert epochs[-1].loss < epochs[0].loss
    assert top_1(network, labelled, batch=32) > 0.8  # by chance: a third


def test_the_written_file_gives_ncnn_the_maps_of_the_trained_network(trained, labelled, written, models_dir):
    network = trained[0].eval()
    pictures = labelled.pixels[::8]
    runtime = open_runtime("ncnn", written, layer="block5_conv3", cache=models_dir, threads=2)

    with torch.inference_mode():
        expected = network.maps(network_planes(torch.from_numpy(pictures))).permute(0, 2, 3, 1).numpy()

    assert expected.max() > 0.1
    np.testing.assert_allclose(runtime.maps(pictures), expected, rtol=0, atol=0.01 * expected.max())  # float16


def shapes_of(file):
    shapes = {}
    file.visititems(lambda name, item: shapes.update({name: getattr(item, "shape", "group")}))
    return shapes


def test_the_file_is_laid_out_as_keras_lays_out_its_own(written):
    with h5py.File(written.path) as file, h5py.File(files.COMPACT_FILE) as bundled:
        assert shapes_of(file) == shapes_of(bundled)
        assert list(file.attrs["layer_names"]) == list(bundled.attrs["layer_names"])
        for layer in bundled:
            assert list(file[layer].attrs["weight_names"]) == list(bundled[layer].attrs["weight_names"])
        assert file["block1_conv1/block1_conv1/kernel:0"].dtype == np.float16


def test_folding_changes_nothing_however_the_statistics_are():
    torch.manual_seed(3)
    network = ClassifyingNetwork(TINY, 2).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for numbers in (module.weight.data, module.running_var):
                numbers.uniform_(1e-6, 2)
            for numbers in (module.bias.data, module.running_mean):
                numbers.normal_()
    network.double()
    pixels = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    planes = torch.from_numpy(network_input(pixels.numpy())).double().permute(0, 3, 1, 2)

    for layer in TINY.layers():
        if layer.name == "block5_pool":
            break
        if layer.name in (layers := folded(network)):
            kernel, bias = (torch.from_numpy(array.copy()) for array in layers[layer.name])
            planes = torch.conv2d(planes, kernel.permute(3, 2, 0, 1), bias, padding=1).relu()
        else:
            planes = torch.max_pool2d(planes, 2)

    with torch.inference_mode():
        expected = network.maps(network_planes(pixels).double())
    assert expected.max() > 0
    torch.testing.assert_close(planes, expected, rtol=1e-5, atol=1e-5 * expected.max().item())


def test_a_crop_is_a_part_of_its_picture_at_one_scale_flipped_half_the_time():
    across = torch.arange(64, dtype=torch.uint8).mul(4).expand(64, 64)
    pixels = torch.stack([across, across.T, across], dim=2).expand(256, 64, 64, 3)
    torch.manual_seed(0)

    crops = varied(pixels, 64) * SCALE

    x_slopes = crops[:, 0, 32, 48] - crops[:, 0, 32, 16]
    y_slopes = crops[:, 1, 48, 32] - crops[:, 1, 16, 32]
    torch.testing.assert_close(x_slopes.abs(), y_slopes, atol=0.5, rtol=0)  # squares, never upside down
    areas = (y_slopes / (32 * 4)) ** 2
    assert 0.45 < areas.min() < 0.6
    assert 0.9 < areas.max() < 1.05
    assert 96 < (x_slopes < 0).sum() < 160


def test_fewer_pictures_than_a_batch_are_one_batch(labelled):
    epochs = train(ClassifyingNetwork(TINY, 3), labelled, [Stage(16, 5)], batch=1000)

    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5]


def test_a_loss_that_is_no_number_ends_the_training(labelled):
    network = ClassifyingNetwork(TINY, 3)
    torch.nn.init.constant_(network.classifier.bias, float("nan"))

    with pytest.raises(train_compact.ImageSearchError, match="went astray in epoch 1: the loss is nan"):
        next(train(network, labelled, [Stage(16, 1)], batch=16))


def test_the_command_trains_validates_and_writes_the_same_file_for_the_same_seed(shapes, tmp_path, capsys):
    def run(name, seed):
        path = str(tmp_path / "new" / name)
        briefly = ["--epochs", "16:1", "24:1", "--batch", "32", "--threads", "1"]
        train_compact.main([str(shapes), "--out", path, "--validate", str(shapes), *briefly, "--seed", seed])
        return (tmp_path / "new" / name).read_bytes()

    first = run("a.h5", "1")
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "96 pictures of 3 classes"
    assert re.fullmatch(r"epoch 1, 16 px: loss \d\.\d{3}, top-1 \d+\.\d%", lines[1])
    assert re.fullmatch(r"epoch 2, 24 px: loss \d\.\d{3}, top-1 \d+\.\d%", lines[2])
    path = tmp_path / "new" / "a.h5"
    assert lines[3] == f"{path} has the SHA-256 {digest(path, '')}"
    assert files.read(Weights(path, VGG16_COMPACT, digest(path, ""))).keys() == files.read(files.compact()).keys()
    assert run("b.h5", "1") == first
    assert run("c.h5", "2") != first


def test_a_fault_is_a_sentence_and_no_file_is_written(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        train_compact.main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "out.h5")])

    assert ended.value.code == f"{tmp_path / 'nowhere'} cannot be read: No such file or directory."
    assert not (tmp_path / "out.h5").exists()


def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for out, why in ((tmp_path / "file" / "out.h5", "File exists"), (tmp_path, "it is a folder")):
        with pytest.raises(SystemExit) as ended:
            train_compact.main([str(tmp_path / "nowhere"), "--out", str(out)])
        assert ended.value.code == f"The weights cannot be written to {out}: {why}."


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (["--epochs", "32"], "'32' is not SIZE:EPOCHS, as in 32:10"),
        (["--epochs", "32:many"], "'32:many' is not SIZE:EPOCHS"),
        (["--epochs", "8:1"], "8 is too small: 16 is the least"),
        (["--epochs", "32:0"], "0 is too small: 1 is the least"),
        (["--batch", "1"], "1 is too small: 2 is the least"),
        (["--threads", "two"], "invalid whole number value: 'two'"),
    ],
)
def test_a_bad_option_is_told_by_name(tmp_path, capsys, wrong, why):
    with pytest.raises(SystemExit):
        train_compact.main([str(tmp_path), "--out", "out.h5", *wrong])

    said = capsys.readouterr().err
    assert wrong[0] in said
    assert why in said
