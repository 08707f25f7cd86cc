"""What all tests stand on."""

import signal

import pytest

from pushforward.cli import main

# A shell that starts tests in the background has them ignore Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def run(capsys):
    """Call a command of the command line; what it exits with and what it prints."""

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in arguments])
        printed = capsys.readouterr()
        return left.value.code, printed.out, printed.err

    return call
