"""Import of OpenVINO without its telemetry. Every module that needs OpenVINO imports it through this one.

`import openvino` would otherwise send an event to the makers of OpenVINO, and write an identifier to the user's home.
"""

import sys
from types import ModuleType


def import_openvino() -> tuple[ModuleType, ModuleType]:
    """Return the modules `openvino` and `openvino.opset13`, the operations that models are built from.

    It takes 0.3 s and 30 MB, so call it where OpenVINO is needed, not at the top of a module.
    """
    # With None, Python refuses to import the telemetry package, as if it were not installed. OpenVINO then uses its own
    # substitute, which does nothing.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino
    from openvino import opset13

    return openvino, opset13
