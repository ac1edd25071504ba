"""All tables of this service, each area's on the one `metadata` that migrations are held to."""

from __future__ import annotations

from services.storage.audit import tables as audit
from services.storage.catalog import tables as catalog
from services.storage.identity import tables as identity
from services.storage.notices import tables as notices
from services.storage.protection import tables as protection
from services.storage.provenance import tables as provenance
from services.storage.retention import tables as retention
from services.storage.rights import tables as rights
from services.storage.statements import tables as statements
from services.storage.subjects import tables as subjects
from services.storage.usage import tables as usage

metadata = catalog.metadata
AREAS = (
    audit,
    catalog,
    identity,
    notices,
    protection,
    provenance,
    retention,
    rights,
    statements,
    subjects,
    usage,
)
"""Modules with tables; what is imported here is known to the migrations."""
