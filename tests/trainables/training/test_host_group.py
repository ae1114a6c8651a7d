"""What workers tell each other beside their devices. That they agree is shown by trainings of two workers
(`tests/trainables/steps/test_processes.py`)."""

from __future__ import annotations

import sys

import pytest

from trainables.training.host_group import interface_to


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_the_interface_is_the_one_that_leads_to_the_first_worker():
    assert interface_to("127.0.0.1") == "lo"
    assert interface_to("no.such.host.invalid") is None
