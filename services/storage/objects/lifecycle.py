"""The second line: what the object store itself takes away, where it can."""

from __future__ import annotations

import structlog
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import S3Error
from minio.lifecycleconfig import (
    AbortIncompleteMultipartUpload,
    LifecycleConfig,
    NoncurrentVersionExpiration,
    Rule,
)

log = structlog.get_logger()

_EVERYTHING = Filter(prefix="")
_RULES = LifecycleConfig(
    [
        Rule(
            ENABLED,
            rule_filter=_EVERYTHING,
            rule_id="vultus-parts",
            abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(
                days_after_initiation=1
            ),
        ),
        Rule(
            ENABLED,
            rule_filter=_EVERYTHING,
            rule_id="vultus-versions",
            noncurrent_version_expiration=NoncurrentVersionExpiration(noncurrent_days=1),
        ),
    ]
)
"""Whole objects are never among it: what a record names stays until the record goes."""


def set_lifecycle(client: Minio, bucket: str) -> None:
    """Has parts of broken uploads, and old versions, deleted after a day.

    A lifecycle that the operator has set is left as it is. A server that knows none is told of in
    the log, and so is a bucket that keeps what is deleted.
    """
    try:
        if client.get_bucket_lifecycle(bucket) is None:
            client.set_bucket_lifecycle(bucket, _RULES)
    except S3Error as error:
        log.warning("s3.no_lifecycle", bucket=bucket, code=error.code)
    try:
        versioning = client.get_bucket_versioning(bucket).status
    except S3Error as error:
        log.warning("s3.versioning_unknown", bucket=bucket, code=error.code)
        return
    if versioning == ENABLED:
        log.warning("s3.versions_kept", bucket=bucket)
