"""What all tests stand on."""

import signal

# A shell that starts tests in the background has them ignore Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)
