"""What people ask about their data: an operator sees what is due, and decides."""

from __future__ import annotations

import argparse

import grpc

from services.gateway.clients.rights import GrpcRights
from services.gateway.rights import Decision, OperatorsRequests, PrivacyRequest

NAME = "requests"
HELP = "what people ask about their data"
_MOST = 500
_LIST = "list"
_HELP = {
    Decision.CONFIRM: "you know who asks: their time begins",
    Decision.ACCEPT: "let the service carry out what was held",
    Decision.FULFIL: "you have carried it out yourself",
    Decision.REFUSE: "refuse it, for a reason that they are told",
}


def describe(parser: argparse.ArgumentParser) -> None:
    """Adds the commands."""
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(_LIST, help="list what has not ended, what is due first")
    for decision in Decision:
        command = commands.add_parser(decision.value, help=_HELP[decision])
        command.add_argument("request_id")
        command.add_argument("--reason", required=True, help="kept with the request")


async def run(arguments: argparse.Namespace, channel: grpc.aio.Channel) -> list[str]:
    """Carries a command out; the lines to print."""
    return await lines(arguments, GrpcRights(channel))


async def lines(arguments: argparse.Namespace, requests: OperatorsRequests) -> list[str]:
    """What a command prints. Raises PrivacyRequestNotFound, StateConflict, InvalidInput."""
    if arguments.command == _LIST:
        return [_line(request) for request in await requests.pending(limit=_MOST)]
    decision = Decision(arguments.command)
    return [_line(await requests.decide(arguments.request_id, decision, note=arguments.reason))]


def _line(request: PrivacyRequest) -> str:
    due = f"due {request.due_at:%Y-%m-%d}" if request.due_at else "no time yet"
    waits = "  waits for you" if request.held else ""
    parts = (request.id, request.account_id, request.kind, request.state, due)
    return "  ".join(map(str, parts)) + waits
