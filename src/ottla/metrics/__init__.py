"""Counters, distributions, and the page that shows them to Prometheus.

What is counted on the hot path is a plain integer that its owner adds to; nothing here locks, and nothing runs until
somebody asks for the page. A family of metrics (`family`) is declared once, in `catalogue`, under the name that the usual
JMX exporter gives to Apache Kafka's; a `Registry` says where its samples come from; `page` writes them out in small pieces.
This room knows no broker and opens no port.
"""
