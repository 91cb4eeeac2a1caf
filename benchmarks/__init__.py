"""Ottla beside Apache Kafka 4.1.1, in turns, on one machine: `make bench`, or `make bench ROWS="produce_1k_1p start"`.

Start reading in `rounds.py`, which holds how a figure is made; `shapes/` says what is measured and what it must reach.
"""
