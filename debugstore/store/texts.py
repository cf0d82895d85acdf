"""Values as texts that every engine holds: JSON, and names without what PostgreSQL's text cannot carry."""

import json
from hashlib import blake2b
from typing import Any

import msgspec

_NAME_LENGTH = 500
"""Characters of a name: PostgreSQL takes 2,700 bytes in an index."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def dump(value: Any) -> str:
    """Write a value in strict form as JSON; lone surrogates are escaped, since UTF-8 has no place for them."""
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))


def load(text: str) -> Any:
    """Read what `dump` wrote."""
    try:
        return _decode(text)
    except msgspec.DecodeError:  # escaped lone surrogates
        return json.loads(text)


def storable(text: str) -> bool:
    """Say whether every engine holds this text as it is: no NUL, no lone surrogate."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def made_name(text: str) -> str:
    """Return the text itself, or one close to it that every engine holds in a key; unequal texts stay unequal."""
    if len(text) > _NAME_LENGTH:
        text = f"{text[:_NAME_LENGTH]}~{digest(text.encode('utf-8', 'surrogatepass'))}"
    return made_storable(text)


def made_storable(text: str) -> str:
    """Return the text itself, or one close to it that every engine holds; unequal texts stay unequal."""
    if storable(text):
        return text
    shown = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return f"{shown}~{digest(text.encode('utf-8', 'surrogatepass'))}"


def digest(*parts: bytes) -> str:
    """Return 16 hex digits that tell byte strings apart."""
    state = blake2b(digest_size=8)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()
