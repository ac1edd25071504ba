"""Where objects lie, on the wire."""

from __future__ import annotations

import re

from vultus.media.v1 import media_pb2

from services.common.errors import InvalidInput
from services.storage.refs import BUCKETS, ObjectRef

_KEY = re.compile(r"ac_[0-9A-Za-z]+(/[0-9A-Za-z_-][0-9A-Za-z._-]*)+")
_MAX_KEY = 512


def ref_from_wire(message: media_pb2.ObjectRef) -> ObjectRef:
    """The place that a message names. Raises InvalidInput."""
    if message.bucket not in BUCKETS:
        raise InvalidInput(f"the bucket must be one of {', '.join(BUCKETS)}")
    if len(message.key) > _MAX_KEY or not _KEY.fullmatch(message.key):
        raise InvalidInput("the key must be an account's id, a slash and a name")
    return ObjectRef(message.bucket, message.key)


def ref_to_wire(ref: ObjectRef) -> media_pb2.ObjectRef:
    """The message that names a place."""
    return media_pb2.ObjectRef(bucket=ref.bucket, key=ref.key)
