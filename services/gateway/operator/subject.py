"""The people behind faces and voices: an operator finds that one is a minor."""

from __future__ import annotations

import argparse
from typing import Protocol

import grpc

from services.gateway.clients.subjects import GrpcSubjects
from services.gateway.subjects import Subject

NAME = "subject"
HELP = "the people behind faces and voices"


class OperatorsSubjects(Protocol):
    """Subjects, as operators come to them."""

    async def report_minor(
        self, account_id: str, subject_id: str, *, found_by: str, reason: str
    ) -> Subject:
        """Records that somebody is a minor; without a guardian's consent all of them is erased.

        Raises SubjectNotFound, InvalidInput.
        """


def describe(parser: argparse.ArgumentParser) -> None:
    """Adds the commands."""
    commands = parser.add_subparsers(dest="command", required=True)
    found = commands.add_parser(
        "minor-found",
        help="somebody is a minor: without a guardian's consent all of them is erased for good",
    )
    found.add_argument("account_id")
    found.add_argument("subject_id")
    found.add_argument("--operator", required=True, help="who you are; the account is told")
    found.add_argument("--reason", required=True, help="how it was found; the account can read it")


async def run(arguments: argparse.Namespace, channel: grpc.aio.Channel) -> list[str]:
    """Carries a command out; the lines to print."""
    return await lines(arguments, GrpcSubjects(channel))


async def lines(arguments: argparse.Namespace, subjects: OperatorsSubjects) -> list[str]:
    """What a command prints. Raises SubjectNotFound, InvalidInput."""
    subject = await subjects.report_minor(
        arguments.account_id,
        arguments.subject_id,
        found_by=f"operator:{arguments.operator}",
        reason=arguments.reason,
    )
    erased = subject.erased_at
    outcome = f"erased {erased.isoformat()}" if erased else "a guardian has consented: all stays"
    return [f"{subject.id}  minor, found by {subject.found_by}  {outcome}"]
