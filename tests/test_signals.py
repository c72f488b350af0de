"""Signals that wait: which, how long, and what they do then."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from tfsv.signals import ENDING, HeldSignals


def send(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers_come_back():
    before = [signal.getsignal(number) for number in ENDING]
    yield
    assert [signal.getsignal(number) for number in ENDING] == before


def test_ctrl_c_waits_and_says_what_was_kept():
    with pytest.raises(KeyboardInterrupt) as told, HeldSignals() as signals:
        signals.hold()
        assert not signals.waiting
        send()
        assert signals.waiting
        signals.deliver("step 3 is kept")
    assert told.value.args == ("step 3 is kept",)


def test_before_hold_and_after_the_block_nothing_waits():
    with pytest.raises(KeyboardInterrupt), HeldSignals():
        send()
    with HeldSignals() as signals:
        signals.hold()
    with pytest.raises(KeyboardInterrupt):
        send()


def test_the_second_does_not_wait():
    reached = []
    with pytest.raises(KeyboardInterrupt), HeldSignals() as signals:
        signals.hold()
        send()
        reached.append("first")
        send()
        reached.append("second")
    assert reached == ["first"]


def test_a_signal_that_nobody_delivered_is_not_lost():
    with pytest.raises(KeyboardInterrupt), HeldSignals() as signals:
        signals.hold()
        send()
    with pytest.raises(ValueError), HeldSignals() as signals:
        signals.hold()
        send()
        raise ValueError  # which ends the work too


@pytest.mark.parametrize("number", ENDING)
def test_a_handler_of_the_caller_is_called_and_work_goes_on(number):
    called = []
    before = signal.signal(number, lambda *_: called.append(number))
    try:
        with HeldSignals() as signals:
            signals.hold()
            for expected in (1, 2):
                send(number)
                assert signals.waiting and len(called) == expected - 1
                signals.deliver()
                assert not signals.waiting and len(called) == expected
    finally:
        signal.signal(number, before)


def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with HeldSignals() as signals:
            signals.hold()
            send()
            assert not signals.waiting
    finally:
        signal.signal(signal.SIGINT, before)


def test_threads_hold_nothing():
    def work():
        with HeldSignals() as signals:
            signals.hold()
            found.append(signal.getsignal(signal.SIGINT))

    found = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


def test_sigterm_ends_a_process_without_a_handler_as_ever():
    program = (
        "import os, signal\nfrom tfsv.signals import HeldSignals\n"
        "with HeldSignals() as signals:\n    signals.hold()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    print('kept', flush=True)\n"
        "    signals.deliver()\n    print('never')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "kept\n")
