"""Where trees are fitted and large sets scored: the processor, or a GPU where there is one."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from functools import cache

import xgboost as xgb

DEVICES: tuple[str, ...] = ("cpu", "cuda")


class DeviceWarning(UserWarning):
    """A device was asked for that is not there; the processor does the work."""


def usable(device: str) -> str:
    """The device to use: the one asked for, or "cpu" with a warning that says why not.

    Raises
    ------
    ValueError
        If the device is none of `DEVICES`.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if device == "cpu":
        return device
    obstacle = _obstacle()
    if obstacle:
        warnings.warn(
            f"No GPU is used: {obstacle}. The processor does the work.", DeviceWarning, stacklevel=2
        )
        return "cpu"
    return device


@cache
def _obstacle() -> str:
    if not xgb.build_info().get("USE_CUDA"):
        return "this xgboost is built without CUDA (install the package xgboost in place of xgboost-cpu)"
    tool = shutil.which("nvidia-smi")
    if tool is None or subprocess.run([tool, "-L"], capture_output=True, check=False).returncode:  # noqa: S603
        return "there is no NVIDIA driver or card on this machine"
    return ""
