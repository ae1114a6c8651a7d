"""Whether a Ray cluster answers at an address and takes this process, known within seconds.

Ray itself tries for a minute or more where nobody answers, where the token is missing or wrong, and on a machine that
is no node of the cluster, and then says the same of all of them. Tokens: Ray takes one that is in the environment
(`RAY_AUTH_TOKEN`, `RAY_AUTH_TOKEN_PATH`) or in `~/.ray/auth_token` only where `RAY_AUTH_MODE=token` says so; here the
cluster is asked whether it wants one.

    python -m cluster.reach HOST:PORT       exit code 0, or 2 and one line; for scripts, before `ray start --address`
"""

from __future__ import annotations

import logging
import os
import socket
import sys

import grpc
from ray._private import services
from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
from ray._private.grpc_utils import init_grpc_channel
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc
from ray.exceptions import AuthenticationError

PATIENCE = 5.0
"""Seconds that a cluster has to answer."""
MODE, TOKEN, TOKEN_PATH, TOKEN_FILE = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token"
GET_TOKEN = f"put the token that its head node was started with into {TOKEN}, or a file with it into {TOKEN_PATH}"


class Unreachable(RuntimeError):
    """There is no cluster at the address, or it does not take this process; the message is one line."""


def check_reachable(address: str, as_driver: bool = True) -> None:
    """Raises Unreachable where no cluster answers at `address`, or it refuses this process. Afterwards this process's
    `RAY_AUTH_MODE` is that of the cluster, unless it was set.

    Args:
        address: `host:port` of the head node, or `auto`.
        as_driver: this machine must be one of its nodes, as a driver's must.
    """
    try:
        gcs = services.canonicalize_bootstrap_address_or_die("auto") if address == "auto" else address
    except (OSError, ValueError) as error:
        raise Unreachable(f"there is no Ray cluster on this machine ({str(error).splitlines()[0]})") from None
    try:
        nodes = _nodes(gcs)
        os.environ.setdefault(MODE, "disabled")  # Ray would take a token of another cluster for this one's
    except AuthenticationError:  # there is no token to ask the cluster with
        raise Unreachable(f"{MODE}={os.environ.get(MODE)} wants a token, and none is here: {GET_TOKEN}") from None
    except grpc.RpcError as refused:
        if refused.code() is not grpc.StatusCode.UNAUTHENTICATED:
            raise Unreachable(_unanswered(address, refused)) from None
        if not use_token():
            raise Unreachable(f"the Ray cluster at {address} wants a token: {GET_TOKEN}") from None
        try:
            nodes = _nodes(gcs)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                raise Unreachable(_unanswered(address, error)) from None
            raise Unreachable(
                f"the Ray cluster at {address} refuses the token of {token_source()}: {GET_TOKEN}"
            ) from None
    if as_driver and not any(map(_is_here, nodes)):
        raise Unreachable(
            f"this machine is no node of the Ray cluster at {address}: `xstilts submit FILE --address "
            f"http://{gcs.rpartition(':')[0]}:8265` starts the sweep on its head node"
        )


def use_token() -> bool:
    """Send this process's token from now on, if it has one and `RAY_AUTH_MODE` does not say otherwise; whether it is
    sent."""
    logger = logging.getLogger("ray._private.authentication.authentication_token_setup")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return bool(maybe_enable_token_auth_if_token_available(warn_if_disabled=False))
    finally:
        logger.setLevel(before)


def token_source() -> str:
    """Where this process's token comes from, in the order in which Ray looks."""
    if os.environ.get(TOKEN):
        return TOKEN
    return os.environ.get(TOKEN_PATH) or TOKEN_FILE


def _nodes(gcs: str) -> list[str]:
    """Addresses of the nodes that are alive."""
    with init_grpc_channel(gcs) as channel:
        stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
        answer = stub.GetAllNodeAddressAndLiveness(
            gcs_service_pb2.GetAllNodeAddressAndLivenessRequest(), timeout=PATIENCE
        )
    return [node.node_manager_address for node in answer.node_info_list if node.state == 0]


def _unanswered(address: str, error: grpc.RpcError) -> str:
    said = str(error.details()).rpartition("last error: ")[2]
    if "HTTP/2" in said or "WRONG_VERSION_NUMBER" in said:  # the answer is no gRPC, or under TLS no TLS
        said = "what answers there is no Ray head: its port is usually 6379, that of its dashboard 8265"
    elif error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        said = f"no answer within {PATIENCE:g} s"
    tls = "; a cluster with TLS wants RAY_USE_TLS=1 here, too" if not os.environ.get("RAY_USE_TLS") else ""
    return f"no Ray cluster answers at {address} ({said}){tls}"


def _is_here(address: str) -> bool:
    """Whether an address is one of this machine's."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.bind(where)
    except OSError:
        return False
    return True


def main() -> None:
    """Check the address that the command line gives."""
    try:
        check_reachable(sys.argv[1], as_driver=False)
    except Unreachable as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
