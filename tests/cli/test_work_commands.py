"""`admit work`, `admit recover`, `admit sweep`, `admit audit`."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, MakePlugin, RunProcess, engine_on

from admit.storage.tiny import open_store
from admit.stores import Change, Put

STOPS_THE_WORKER = """
import os, signal
import admit

def stop(call):
    os.kill(os.getpid(), signal.{signal})
    return admit.Outcome.success()

@admit.hookimpl
def register_functions():
    return {{"stop": stop}}
"""
CONFIGURED = 'confirmation_flow = "function"\n[function]\nconfirmation = "stop"\n'


@pytest.fixture
def queued(json_path: Path) -> Path:
    """A store in which Ada's message waits for a worker."""
    with engine_on(json_path) as engine:
        engine.public.register("ada@example.com", PASSWORD)
    return json_path


def state_of_ada(path: Path) -> str:
    with engine_on(path) as engine:
        return engine.users.find("ada@example.com").state


def test_one_pass_does_what_is_due_and_sums_it_up(call: Call, queued: Path) -> None:
    """The queued message goes out, and the events are sealed."""
    first = call("work", "--once")
    second = json.loads(call("work", "--once", "--json").stdout)

    assert first.stdout.startswith("Took up 1 user, swept 0 records, sealed ")
    assert {"runs": 0, "swept": 0, "sealed": 0} == second
    assert 1 == len(list(queued.with_name("users.json.mail").glob("*.eml")))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_stops_the_worker_when_it_has_finished_what_is_under_way(
    call: Call, queued: Path, make_plugin: MakePlugin, name: str
) -> None:
    """
    Given a flow in whose midst the worker is told to stop,
    when it works,
    then the flow's answer is written, the command ends with 0, and signals are as they were.
    """
    before = signal.getsignal(signal.Signals[name])
    make_plugin(STOPS_THE_WORKER.format(signal=name), more=CONFIGURED)
    with engine_on(queued) as engine:
        engine.public.rerun(user=engine.users.find("ada@example.com"))

    result = call("work")

    assert (0, "Stopped.") == (result.exit_code, result.stderr.splitlines()[-1])
    assert "confirmed" == state_of_ada(queued)
    assert before == signal.getsignal(signal.Signals[name])


def test_the_worker_stops_as_a_process_too(
    run_process: RunProcess, queued: Path, make_plugin: MakePlugin
) -> None:
    """What an init system sees: SIGTERM, exit code 0."""
    make_plugin(STOPS_THE_WORKER.format(signal="SIGTERM"), more=CONFIGURED)
    with engine_on(queued) as engine:
        engine.public.rerun(user=engine.users.find("ada@example.com"))

    done = run_process("work")

    assert (0, "confirmed") == (done.returncode, state_of_ada(queued))


def test_recover_tells_how_many_it_took_up(call: Call, path: Path) -> None:
    """Nothing was cut off here."""
    assert "Took up 0 users.\n" == call("recover").stdout
    assert {"recovered": 0} == json.loads(call("recover", "--json").stdout)


def test_sweep_tells_what_was_removed(call: Call, path: Path) -> None:
    """Each kind has a line."""
    assert "pending users expired   0" == call("sweep").stdout.splitlines()[0]
    assert 0 == json.loads(call("sweep", "--json").stdout)["expired"]


def test_a3_audit_verify_prints_the_unsealed_tail(call: Call, path: Path) -> None:
    """
    Given events that the sealer has not come by yet,
    when the trail is verified before and after,
    then they are listed, and then they are sealed.
    """
    before = call("audit", "verify")
    call("work", "--once")
    after = call("audit", "verify")

    assert 0 == before.exit_code
    assert "The trail is whole. 0 sealed events, 2 not sealed yet" in before.stdout
    assert "dispatched" in before.stdout
    assert "The trail is whole. 2 sealed events, 0 not sealed yet" in after.stdout
    assert json.loads(call("audit", "verify", "--json").stdout)["verified"] is True


def test_a3_audit_verify_fails_when_a_seal_was_forged(call: Call, path: Path) -> None:
    """
    Given sealed events, and somebody who writes a seal without the engine key,
    when the trail is verified,
    then the problem is printed, and the exit code is 1.
    """
    call("work", "--once")
    store = open_store(str(path), read_only=False)
    (seal,) = store.page("seal", "seal").items
    forged = {**seal.body, "mac": "00" * 32}
    store.commit(Change(put=(Put("seal", seal.id, forged, seal.version, seal.keys, seal.labels),)))
    store.close()

    result = call("audit", "verify")

    assert 1 == result.exit_code
    assert "The seal from 1 on does not fit what it seals." == result.stdout.splitlines()[0]
