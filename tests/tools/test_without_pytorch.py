import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def test_without_pytorch_training_says_what_to_install():
    script = "import runpy, sys; sys.modules['torch'] = None; runpy.run_module('tools.train_compact')"
    ended = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr == "PyTorch is not installed. Run `pip install -r tools/requirements.txt`.\n"
