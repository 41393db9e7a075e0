"""What is deployed: a classifier's folder, its answers and its explanations. No torch."""

import os
import sys

# Both runtimes tell their makers of their use when they are imported: ONNX Runtime 1.31 unless this
# stands in the environment, OpenVINO 2026 unless this package of its cannot be had.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
