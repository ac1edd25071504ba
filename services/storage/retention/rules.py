"""What is kept, where, for how long and why: the one table of it.

The sweeper, its report, `GET /v1/retention` and the table in docs/retention.md are made of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

SWEEPER = "the sweeper"
DAY = timedelta(days=1)
RECORDS_SETTING = "VULTUS_STORAGE_RECORDS_KEPT_DAYS"
STRAYS_SETTING = "VULTUS_STORAGE_STRAYS_KEPT_H"


@dataclass(frozen=True, slots=True)
class Rule:
    """How long one kind of thing is kept."""

    name: str
    what: str
    where: str
    kept: timedelta | None
    """None: until `until`."""
    since: str
    """What the time is counted from, or, without a time, what ends the keeping."""
    by: str
    """Who takes it away."""
    why: str
    setting: str = ""
    """What sets the time; empty: it is fixed."""

    @property
    def is_swept(self) -> bool:
        """Whether the sweeper takes it away."""
        return self.by == SWEEPER


@dataclass(frozen=True, slots=True)
class Periods:
    """The times that an operator sets."""

    records: timedelta = 180 * DAY
    strays: timedelta = DAY


def rules_of(periods: Periods) -> tuple[Rule, ...]:
    """Every rule."""
    return (*_owners(), *_behaviour(periods), *_passing(periods), *_elsewhere())


def _owners() -> tuple[Rule, ...]:
    """What stays until somebody wants it gone."""
    deleted, end = "its owner deletes it", "the account ends"
    gone, erased = "the call itself", "the erasure of accounts"
    return (
        Rule("videos", "generated videos and recordings of streams, and their fingerprints",
             "SQL, S3", None, deleted, gone, "they are the account's"),
        Rule("assets", "uploads", "SQL, S3", None, deleted, gone, "they are the account's"),
        Rule("avatars", "avatars, their packs and previews", "SQL, S3", None,
             "its owner deletes it, or its consent ends", gone, "they are the account's"),
        Rule("consents", "consents and how they ended", "SQL", None, end, erased,
             "they prove what was allowed"),
        Rule("account", "the account, its people, policies, notices, usage and limits", "SQL", None,
             end, erased, "the account can't be served without them"),
    )  # fmt: skip


def _behaviour(periods: Periods) -> tuple[Rule, ...]:
    """What tells what people did."""
    why = "to look into abuse and disputes"
    return tuple(
        Rule(name, what, "SQL", periods.records, since, SWEEPER, why, RECORDS_SETTING)
        for name, what, since in (
            ("audit_entries", "who did what: the audit", "it was done"),
            ("ended_streams", "records of streams", "the stream ended"),
            ("erased_videos", "tombstones of erased videos, without content", "it was erased"),
            ("reviews", "decisions of reviews, unless marked for training", "the review ended"),
            ("ended_keys", "API keys that have ended", "the key ended"),
            ("ended_sessions", "sign-ins of people", "the sign-in ended"),
            ("notice_deliveries", "how notices reached accounts", "the delivery ended"),
            ("sweeps", "reports of the sweeper", "it swept"),
        )
    )


def _passing(periods: Periods) -> tuple[Rule, ...]:
    """What is kept for a while, for what is going on."""
    every = "storage, every ten minutes"
    return (
        Rule("review_contents", "texts and files of reviews, unless marked for training", "SQL, S3",
             30 * DAY, "the review ended", every, "so that a decision can be taken back"),
        Rule("idempotency_keys", "first answers to repeated requests", "SQL", DAY,
             "it was answered", every, "so that nothing is created twice"),
        Rule("sign_in_codes", "one-time codes, as keyed hashes", "SQL", DAY, "it was sent", SWEEPER,
             "so that nobody is flooded with codes, or guesses them"),
        Rule("challenges", "phrases to be read on camera, and how the reading went", "SQL, S3",
             timedelta(0), "it ran out", SWEEPER, "it is of no more use"),
        Rule("invitations", "invitations that nobody took up", "SQL", timedelta(0), "it ran out",
             SWEEPER, "it is of no more use"),
        Rule("usage_entries", "ids of what was counted", "SQL", 7 * DAY, "it was counted", SWEEPER,
             "so that nothing is counted twice"),
        Rule("stray_objects", "objects that no record names", "S3", periods.strays,
             "it was written", SWEEPER, "something may still be on its way", STRAYS_SETTING),
        Rule("broken_uploads", "parts of uploads to S3 that broke off", "S3", periods.strays,
             "it began", SWEEPER, "something may still be on its way", STRAYS_SETTING),
        Rule("archives", "archives of somebody's data, made on request", "S3", 7 * DAY,
             "it was made", "storage, by its time", "so that it can be fetched",
             "VULTUS_STORAGE_PRIVACY_ARCHIVE_DAYS"),
        Rule("privacy_requests", "what people asked about their data", "SQL", None,
             "the account ends", "the erasure of accounts", "they prove what was answered"),
        Rule("late_writes", "what a worker may write of something erased under its hands", "S3",
             timedelta(hours=6), "it was erased", "the outbox of erasures",
             "by then the worker has given it up"),
    )  # fmt: skip


def _elsewhere() -> tuple[Rule, ...]:
    """What lies outside of storage."""
    return (
        Rule("messages", "jobs and dead letters: ids only", "NATS", 180 * DAY, "it was published",
             "the streams' age", "so that what went wrong can be done again",
             "VULTUS_GATEWAY_NATS_KEPT_DAYS"),
        Rule("strikes", "how often a job broke its worker", "NATS", 7 * DAY, "it was counted",
             "the bucket's age", "so that no job breaks all workers"),
        Rule("logs", "logs of the local stack: ids only", "files", 180 * DAY, "it was written",
             "the supervisor, once a day", "to look into faults and abuse",
             "VULTUS_LOGS_KEPT_DAYS"),
        Rule("face_cache", "packs that lip-sync has drawn from", "files, memory",
             timedelta(minutes=5), "it was erased", "lip-sync",
             "a face is drawn many times a second"),
        Rule("spool", "files on their way to S3", "files", None, "the call ends",
             "storage, and again when it starts", "they are sent on"),
    )  # fmt: skip
