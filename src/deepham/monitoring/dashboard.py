"""What TensorBoard is told about a run beside its curves: its settings, its end, and which charts to look at first.

The summaries go into the run's own event file. No list of columns is written for the HPARAMS tab: TensorBoard makes it
from all the runs it sees, and shows first the settings in which they differ.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams.metadata import (
    PLUGIN_DATA_VERSION,
    PLUGIN_NAME,
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

# protobuf makes their names when they are imported: their text has none that a type checker could find
_SUMMARY, _HPARAMS, _API = cast(Any, summary_pb2), cast(Any, plugin_data_pb2), cast(Any, api_pb2)

# chart -> tags, of which a run has one; five things that tell how it goes
WATCHED = {
    "Euler error, mean, percent of consumption": ("errors/euler.mean",),
    "Bellman error of the policy, mean, utils": ("errors/bellman_policy.mean",),
    "Standard deviation of wealth, goods": ("distribution/sd",),
    "Mean of K, goods": ("aggregates/mean_K",),
    "Policy loss, or by Newton steps the residual": ("train/policy_loss", "train/policy_residual"),
}
LAYOUT = {
    "Watch first": {title: ["Multiline", [f"^{re.escape(tag)}$" for tag in tags]] for title, tags in WATCHED.items()}
}


def settings_of(hyperparameters: Mapping[str, Any], prefix: str = "") -> dict[str, float | bool | str]:
    """The settings by the names that the command line knows, as what TensorBoard can compare: numbers, switches, texts.

    Lists and null are texts; a matrix is left out.
    """
    settings = {}
    for key, value in hyperparameters.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            settings |= settings_of(value, f"{name}.")
        elif isinstance(value, bool | int | float | str):
            settings[name] = value
        elif value is None:
            settings[name] = "null"
        elif not any(isinstance(item, list | tuple) for item in value):
            settings[name] = f"[{','.join(str(item) for item in value)}]"
    return settings


def session_start(settings: dict[str, float | bool | str]) -> Message:
    """A run begins, with these settings."""
    info = _HPARAMS.SessionStartInfo(start_time_secs=time.time())
    for key, value in settings.items():
        kind = "bool_value" if isinstance(value, bool) else "string_value" if isinstance(value, str) else "number_value"
        setattr(info.hparams[key], kind, value)
    return _summary(SESSION_START_INFO_TAG, session_start_info=info)


def session_end() -> Message:
    """A run is through."""
    return _summary(
        SESSION_END_INFO_TAG,
        session_end_info=_HPARAMS.SessionEndInfo(status=_API.STATUS_SUCCESS, end_time_secs=time.time()),
    )


def image(tag: str, png: bytes, width: int, height: int) -> Message:
    """A picture of so many dots, under the tag."""
    content = _SUMMARY.Summary.Image(encoded_image_string=png, width=width, height=height, colorspace=4)
    return _SUMMARY.Summary(value=[_SUMMARY.Summary.Value(tag=tag, image=content)])


def as_text(configuration: str) -> str:
    """A configuration in yaml as TensorBoard shows it line by line."""
    return "\n".join(f"    {line}" for line in configuration.splitlines())


def _summary(tag: str, **content) -> Message:
    data = _HPARAMS.HParamsPluginData(version=PLUGIN_DATA_VERSION, **content)
    plugin = _SUMMARY.SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME, content=data.SerializeToString())
    metadata = _SUMMARY.SummaryMetadata(plugin_data=plugin)
    return _SUMMARY.Summary(value=[_SUMMARY.Summary.Value(tag=tag, metadata=metadata)])
