"""Builds the storage service: the one place where its parts are put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib import metadata
from itertools import chain
from typing import Any, Protocol

import grpc
from vultus.storage.v1.asset_service_pb2_grpc import add_AssetServiceServicer_to_server
from vultus.storage.v1.catalog_service_pb2_grpc import add_CatalogServiceServicer_to_server
from vultus.storage.v1.challenge_service_pb2_grpc import add_ChallengeServiceServicer_to_server
from vultus.storage.v1.consent_service_pb2_grpc import add_ConsentServiceServicer_to_server
from vultus.storage.v1.moderation_record_service_pb2_grpc import (
    add_ModerationRecordServiceServicer_to_server,
)
from vultus.storage.v1.object_service_pb2_grpc import add_ObjectServiceServicer_to_server
from vultus.storage.v1.provenance_service_pb2_grpc import add_ProvenanceServiceServicer_to_server
from vultus.storage.v1.record_service_pb2_grpc import add_RecordServiceServicer_to_server
from vultus.storage.v1.subject_service_pb2_grpc import add_SubjectServiceServicer_to_server
from vultus.storage.v1.usage_service_pb2_grpc import add_UsageServiceServicer_to_server

from services.common.errors import StartupError
from services.common.grpc_server import Endpoint, serve_grpc
from services.storage.assets.examiner import Examiner, MediaLimits
from services.storage.assets.servicer import AssetServicer
from services.storage.assets.uploads import SizeLimits, Uploads
from services.storage.audit.parts import Audit, audit_of
from services.storage.catalog.assets import Assets
from services.storage.catalog.avatars import Avatars
from services.storage.catalog.certificates import Signer, open_signer
from services.storage.catalog.consent_servicer import ConsentServicer
from services.storage.catalog.consents import Consents
from services.storage.catalog.database import Database, open_database
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.idempotency import Idempotency
from services.storage.catalog.migrations import migrate
from services.storage.catalog.moderation_servicer import ModerationRecordServicer
from services.storage.catalog.policies import Policies
from services.storage.catalog.reviews import Reviews
from services.storage.catalog.servicer import Catalog, CatalogServicer
from services.storage.catalog.streams import Streams
from services.storage.catalog.videos import Videos
from services.storage.catalog.withdrawals import Withdrawals
from services.storage.identity.parts import Identity, Terms, identity_of
from services.storage.identity.sessions import SessionLimits
from services.storage.notices.parts import noticing_of
from services.storage.objects.servicer import ObjectServicer
from services.storage.objects.spool import Spool
from services.storage.objects.store import ObjectStore, S3Server
from services.storage.protection.keyring import Keyring
from services.storage.protection.keys import DataKeys
from services.storage.protection.master import open_key_file
from services.storage.protection.vault import Vault, open_vault
from services.storage.provenance.agreements import Agreements
from services.storage.provenance.credentials import open_credentials
from services.storage.provenance.fingerprints import Fingerprints
from services.storage.provenance.manifest import ManifestSigner
from services.storage.provenance.servicer import ProvenanceServicer
from services.storage.provenance.sidecars import Sidecars
from services.storage.provenance.verification import Maker, Verifications
from services.storage.recording.recorder import Recorder
from services.storage.recording.servicer import RecordServicer
from services.storage.retention.parts import Retention, retention_of
from services.storage.rights.rights import Ground, Rights, build_rights
from services.storage.settings import StorageSettings
from services.storage.statements.challenges import Challenges
from services.storage.statements.servicer import ChallengeServicer
from services.storage.subjects.minors import Minors
from services.storage.subjects.subject_servicer import SubjectServicer
from services.storage.subjects.subjects import Subjects
from services.storage.usage.meter import Usage
from services.storage.usage.quotas import Quotas
from services.storage.usage.sampler import Sampler
from services.storage.usage.servicer import UsageServicer

_PACKAGE = "vultus.storage.v1"
_Services = dict[str, Callable[[grpc.aio.Server], None]]


class _Area(Protocol):
    """Records that stand by themselves."""

    def services(self) -> _Services:
        """What registers the services of it."""

    def work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What goes on beside the calls."""


@asynccontextmanager
async def serve(settings: StorageSettings) -> AsyncIterator[str]:
    """Serves the services of storage until the block ends, then drains.

    Calls are welcome as soon as the S3 server has answered. Raises StartupError when the database
    can't be reached or is newer than this version, the buckets can't be made, or the signing key
    or the master key can't be used.
    """
    spool = Spool(settings.spool)
    await asyncio.to_thread(spool.clear)
    async with open_database(
        settings.database,
        connections=settings.database_connections,
        ca_file=settings.database_ca_file,
    ) as opened:
        await migrate(opened)
        master = await asyncio.to_thread(
            open_key_file, settings.master_key, make=settings.master_key_file is None
        )
        vault = await open_vault(opened, master)
        database = opened.sealed_by(vault)
        await Consents(database).name_subjects()
        with open_store(settings, Keyring(database, DataKeys(master))) as store:
            records = _records(settings, database, store, vault, spool)
            signer = await asyncio.to_thread(open_signer, settings.signing_key)
            seal = await asyncio.to_thread(open_seal, settings)
            audit = audit_of(database, signer, store)
            retention = _retention(settings, database, audit, store)
            areas: tuple[_Area, ...] = (
                audit,
                retention,
                noticing_of(database, vault, records.identity),
            )
            services = {
                **{name: add for area in areas for name, add in area.services().items()},
                **_of_records(records, signer),
                **_of_objects(settings, records, store, spool, seal),
                **_of_provenance(settings, database, spool, seal),
            }
            async with serve_grpc(
                settings.listen,
                services,
                drain_timeout_s=settings.drain_timeout_s,
                tls=settings.tls,
                health_listen=settings.health_listen,
            ) as endpoint:
                opening = _open_the_door(store, endpoint)
                work = chain(records.work(), *(area.work() for area in areas))
                async with _running(opening, *work):
                    yield endpoint.address


def _retention(
    settings: StorageSettings, database: Database, audit: Audit, store: ObjectStore
) -> Retention:
    return retention_of(
        database,
        audit.checkpoints,
        store,
        periods=settings.periods,
        every_s=settings.sweep_every_s,
    )


def _terms(settings: StorageSettings) -> Terms:
    sessions = SessionLimits(
        timedelta(seconds=settings.session_idle_s), timedelta(seconds=settings.session_s)
    )
    return Terms(sessions, timedelta(days=settings.deregistration_days))


def open_seal(settings: StorageSettings) -> ManifestSigner:
    """What signs manifests; raises StartupError."""
    certificates, key = settings.c2pa
    made_for = settings.content_producer if settings.c2pa_key_file is None else None
    credentials = open_credentials(certificates, key, made_for=made_for)
    return ManifestSigner(
        credentials, metadata.version("vultus"), timestamps=settings.c2pa_timestamp_url
    )


@contextmanager
def open_store(settings: StorageSettings, keys: Keyring) -> Iterator[ObjectStore]:
    """The object store that the settings name, and the threads that speak to it."""
    server = S3Server(
        settings.s3_endpoint,
        settings.s3_access_key,
        settings.s3_secret_key.get_secret_value(),
        settings.s3_secure,
        settings.s3_region,
        settings.s3_ca_file,
    )
    client = server.client(connections=settings.s3_connections)
    with ThreadPoolExecutor(settings.s3_connections, "s3") as threads:
        yield ObjectStore(
            client,
            settings.s3_bucket_prefix,
            threads,
            keys,
            clear_objects=settings.clear_objects,
        )


@dataclass(frozen=True, slots=True)
class _Records:
    """All that is recorded."""

    vault: Vault
    identity: Identity
    catalog: Catalog
    assets: Assets
    policies: Policies
    reviews: Reviews
    consents: Consents
    withdrawals: Withdrawals
    challenges: Challenges
    subjects: Subjects
    minors: Minors
    erasures: Erasures
    usage: Usage
    quotas: Quotas
    sampler: Sampler
    fingerprints: Fingerprints
    sidecars: Sidecars
    rights: Rights

    def work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What goes on beside the calls."""
        return (
            self.erasures.run(),
            self.catalog.idempotency.run(),
            self.reviews.run(),
            self.withdrawals.run(),
            self.sampler.run(),
            self.rights.fulfilment.run(),
            self.identity.deregistrations.run(),
        )


def _records(
    settings: StorageSettings, database: Database, store: ObjectStore, vault: Vault, spool: Spool
) -> _Records:
    limits = settings.quotas
    erasures = Erasures(database, store)
    withdrawals = Withdrawals(database, erasures)
    identity = identity_of(database, vault, erasures, _terms(settings))
    catalog = Catalog(
        Avatars(database, erasures),
        Videos(database, erasures, limits),
        Streams(database, limits),
        Idempotency(database),
    )
    return _Records(
        vault,
        identity,
        catalog,
        Assets(database, erasures, limits),
        Policies(database),
        Reviews(database, erasures),
        Consents(database),
        withdrawals,
        Challenges(database, erasures, store, spool),
        Subjects(database),
        Minors(database, withdrawals),
        erasures,
        Usage(database),
        Quotas(database, limits),
        Sampler(database),
        Fingerprints(database),
        Sidecars(database),
        build_rights(
            Ground(database, vault, identity, erasures, withdrawals, store, spool),
            settings.rights_rules,
        ),
    )


def _of_records(records: _Records, signer: Signer) -> _Services:
    """What registers the services that tell of records."""
    judgements = ModerationRecordServicer(records.policies, records.reviews)
    consents = ConsentServicer(records.consents, records.withdrawals, signer)
    challenges = ChallengeServicer(records.challenges)
    subjects = SubjectServicer(records.subjects, records.minors)
    return {
        **records.identity.services(signer),
        f"{_PACKAGE}.CatalogService": partial(
            add_CatalogServiceServicer_to_server, CatalogServicer(records.catalog)
        ),
        f"{_PACKAGE}.ConsentService": partial(add_ConsentServiceServicer_to_server, consents),
        f"{_PACKAGE}.ChallengeService": partial(add_ChallengeServiceServicer_to_server, challenges),
        f"{_PACKAGE}.SubjectService": partial(add_SubjectServiceServicer_to_server, subjects),
        f"{_PACKAGE}.ModerationRecordService": partial(
            add_ModerationRecordServiceServicer_to_server, judgements
        ),
        f"{_PACKAGE}.UsageService": partial(
            add_UsageServiceServicer_to_server, UsageServicer(records.usage, records.quotas)
        ),
        f"{_PACKAGE}.RightsService": records.rights.register(),
    }


def _of_objects(
    settings: StorageSettings,
    records: _Records,
    store: ObjectStore,
    spool: Spool,
    seal: ManifestSigner,
) -> _Services:
    """What registers the services that move bytes."""
    examiner = Examiner(
        MediaLimits(),
        parallel=settings.max_examinations,
        timeout_s=settings.examination_timeout_s,
    )
    sizes = SizeLimits(settings.max_image_bytes, settings.max_audio_bytes)
    uploads = Uploads(records.assets, store, spool, examiner, sizes)
    objects = ObjectServicer(store, spool, max_object_bytes=settings.max_object_bytes)
    recorder = Recorder(
        store, spool, settings.content_producer, seal, records.sidecars, records.fingerprints
    )
    return {
        f"{_PACKAGE}.AssetService": partial(
            add_AssetServiceServicer_to_server, AssetServicer(uploads, records.assets)
        ),
        f"{_PACKAGE}.ObjectService": partial(add_ObjectServiceServicer_to_server, objects),
        f"{_PACKAGE}.RecordService": partial(
            add_RecordServiceServicer_to_server, RecordServicer(recorder)
        ),
    }


def _of_provenance(
    settings: StorageSettings, database: Database, spool: Spool, seal: ManifestSigner
) -> _Services:
    """What registers the service that tells what was made here."""
    # Files of strangers don't keep uploads waiting.
    examiner = Examiner(MediaLimits(), parallel=1, timeout_s=settings.examination_timeout_s)
    verifications = Verifications(
        database,
        spool,
        examiner,
        Maker(settings.content_producer, seal.chain),
        max_bytes=settings.max_audio_bytes,
    )
    servicer = ProvenanceServicer(Agreements(database), verifications, Sidecars(database))
    return {
        f"{_PACKAGE}.ProvenanceService": partial(add_ProvenanceServiceServicer_to_server, servicer),
    }


async def _open_the_door(store: ObjectStore, endpoint: Endpoint) -> None:
    await store.wait_for_buckets()
    await endpoint.set_serving(True)


@asynccontextmanager
async def _running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """All of it runs while the block does; what breaks ends the block."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in work]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except* StartupError as errors:
        raise errors.exceptions[0] from None
