"""An extraction sends nothing, prints nothing, and imports neither TensorFlow nor Django."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXTRACTION = """
import sys

CONNECTIONS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")

def refuse(event, arguments):
    if event in CONNECTIONS:
        print(event, arguments)
        raise SystemExit(3)

sys.addaudithook(refuse)
{imports}
import numpy as np
from catalog.features.extractors import Extractor, space_for_network
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network

network = efficientnet_lite2_network()
extractor = Extractor.from_network(network, space_for_network(network), runtime=sys.argv[1], threads=1)
extractor.extract([tuple(np.zeros((64, 64, 3), np.uint8) for _ in extractor.space.input_sizes)])
imported = [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras", "django")]
assert not imported, imported
telemetry = [name for name in sys.modules if name.startswith("openvino_telemetry.")]
assert not telemetry and sys.modules["openvino_telemetry"] is None, telemetry
"""


def run_extraction(home: Path, runtime: str, imports: str = "") -> subprocess.CompletedProcess[str]:
    """Run an extraction in a process whose home folder is empty, outside of CI, where telemetry is off."""
    home.mkdir()
    hidden = ("CI", "TF_BUILD", "JENKINS_URL", "GITHUB_ACTIONS", "TRAVIS")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {"HOME": str(home)}
    script = EXTRACTION.replace("{imports}", imports)
    command = [sys.executable, "-c", script, runtime]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("runtime", ["openvino", "auto"])
def test_extraction_connects_to_nothing_prints_nothing_and_leaves_nothing_in_the_home_folder(tmp_path, runtime):
    if runtime == "auto" and any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("auto may use the GPU of this machine")
    home = tmp_path / "home"
    completed = run_extraction(home, runtime)
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")
    assert list(home.iterdir()) == []


def test_the_test_above_would_notice_the_telemetry_of_openvino(tmp_path):
    """`import openvino` alone imports its telemetry; otherwise the program needs no protection from it."""
    completed = run_extraction(tmp_path / "home", "openvino", imports="import openvino")
    assert completed.returncode != 0


def test_all_modules_of_features_can_be_imported_without_tensorflow_and_openvino():
    script = (
        "import sys; from catalog.features import attribution, extractors, feature_space, pooling, preprocessing,"
        "weights, weights_download; from catalog.features.networks import opening, vgg16, efficientnet_lite;"
        "from catalog.features.runtimes import openvino_runtime;"
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras', 'openvino') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
