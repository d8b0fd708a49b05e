"""Settings as they are typed on a command line."""

from __future__ import annotations

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException


def key_of(word: str) -> str:
    """The key or group that a word of the command line sets, without what Hydra writes before and behind it."""
    return word.lstrip("+~").partition("=")[0].partition("@")[0]


def override(key: str, text: str) -> str:
    """The override that sets the key to this text, in quotes where Hydra would read something else without them."""
    plain = f"{key}={text}"
    try:
        parsed = OverridesParser.create().parse_override(plain)
        if not parsed.is_sweep_override() and parsed.value() == text and "${" not in text:
            return plain
    except HydraException:
        pass
    return f"{key}={QuotedString(text.replace('${', chr(92) + '${'), Quote.double).with_quotes()}"
