"""What is measured, against which peer, as a ratio within one run: ``make bench``."""
