"""Signals and locks, in this process, in threads and in other processes."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hidden_gaussian.jobs import interruption
from smoke_study import ROOT


def test_a_signal_becomes_a_flag_and_its_handler_is_restored():
    before = signal.getsignal(signal.SIGTERM)
    with interruption.interruption() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_thread_cannot_catch_signals_and_is_never_interrupted():
    def interrupted() -> tuple[bool, object]:
        with interruption.interruption() as stopped:
            return stopped(), signal.getsignal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(interrupted).result() == (False, before)


WAITING = """
import threading
from hidden_gaussian.jobs import interruption
with interruption.delayed_end(0.3):
    print("ready", flush=True)
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
"""


def test_a_waiting_process_ends_some_time_after_a_signal():
    library = str(ROOT / "workflow")
    command = [sys.executable, "-c", WAITING]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": library}, stdout=subprocess.PIPE) as job:
        assert job.stdout.readline() == b"ready\n"
        start = time.monotonic()
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=30) == 1
        assert time.monotonic() - start > 0.25


def test_a_delayed_end_restores_signal_handlers():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with interruption.delayed_end(0.0):
        assert signal.getsignal(signal.SIGTERM) is not before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.fault("two jobs train one cell", "the second waits")
def test_a_second_trainer_waits_for_the_first(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(interruption, "PAUSE", 0.01)
    path, order = tmp_path / "cell.safetensors", []

    def second():
        with interruption.lock(path) as waited:
            order.append(("second", waited))

    with interruption.lock(path) as waited:
        thread = threading.Thread(target=second)
        thread.start()
        while "waiting until it ends" not in caplog.text:
            time.sleep(0.01)
        order.append(("first", waited))
    thread.join()
    assert order == [("first", False), ("second", True)]
    (tmp_path / "cell.safetensors.lock").touch()  # of a killed job
    with interruption.lock(path) as waited:
        assert not waited
    assert not list(tmp_path.iterdir())


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with interruption.lock(tmp_path / "cell.safetensors"):
        assert "cell.safetensors.lock cannot be locked" in caplog.text
