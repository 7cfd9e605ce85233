import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def test_missing_pytorch_is_reported_with_the_install_command():
    script = "import runpy, sys; sys.modules['torch'] = None; runpy.run_module('tools.train_compact')"
    completed = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert completed.returncode == 1
    assert completed.stderr == "PyTorch is not installed. Run `pip install -r tools/requirements.txt`.\n"
