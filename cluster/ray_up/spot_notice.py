"""Waits for the cloud's notice that this machine is taken away, and tells Ray: its steps save, and go on elsewhere.

    python -m cluster.ray_up.spot_notice aws|gcp

AWS gives two minutes (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html), GCP
thirty seconds (https://cloud.google.com/compute/docs/instances/preemptible#preemption-process).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

SECONDS = {"aws": 120, "gcp": 30}
"""From the notice to the end."""
ADDRESSES = {"aws": "http://169.254.169.254", "gcp": "http://metadata.google.internal"}
EVERY = 2.0
"""Seconds between two questions."""


def noticed_on_aws(address: str) -> bool:
    """Whether the machine shall be stopped or terminated."""
    seconds = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = _ask(Request(f"{address}/latest/api/token", method="PUT", headers=seconds))
    headers = {"X-aws-ec2-metadata-token": token or ""}
    action = _ask(Request(f"{address}/latest/meta-data/spot/instance-action", headers=headers))
    return action is not None and ("terminate" in action or "stop" in action)


def noticed_on_gcp(address: str) -> bool:
    """Whether the machine is being preempted."""
    request = Request(f"{address}/computeMetadata/v1/instance/preempted", headers={"Metadata-Flavor": "Google"})
    return _ask(request) == "TRUE"


NOTICED: dict[str, Callable[[str], bool]] = {"aws": noticed_on_aws, "gcp": noticed_on_gcp}


def wait(cloud: str, address: str, tell: Callable[[int], None]) -> None:
    """Return when the notice has come and `tell` was called with the seconds that are left."""
    while not NOTICED[cloud](address):
        time.sleep(EVERY)
    tell(SECONDS[cloud] - int(EVERY))


def tell_ray(seconds: int) -> None:
    """Drain this machine's Ray node."""
    command = ["ray", "drain-node", "--reason", "DRAIN_NODE_REASON_PREEMPTION"]
    command += ["--reason-message", "the cloud takes the machine away", "--deadline-remaining-seconds", str(seconds)]
    subprocess.run(command, check=True)


def _ask(request: Request) -> str | None:
    """The answer; None where there is none, which is how the clouds say that all is well."""
    try:
        with urlopen(request, timeout=5) as answer:
            return str(answer.read().decode())
    except (HTTPError, URLError, TimeoutError):
        return None


if __name__ == "__main__":
    wait(sys.argv[1], ADDRESSES[sys.argv[1]], tell_ray)
