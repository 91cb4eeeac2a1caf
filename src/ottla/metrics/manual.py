"""The list of metrics, `docs/metrics.md`, printed from the catalogue: `python -m ottla.metrics.manual`."""

from __future__ import annotations

import sys

from ottla.metrics.catalogue import FAMILIES

_INTRODUCTION = """\
# Metrics

With `ottla.metrics.listener=127.0.0.1:9404` a broker serves `/metrics` in Prometheus' text format, `/healthz` (200 while the
process works) and `/readyz` (200 once it serves clients). Names are those that Prometheus' JMX exporter gives to Apache
Kafka's with its stock rules, so dashboards made for Apache Kafka show Ottla; names of group lag are kafka-exporter's; what
begins with `ottla_` is Ottla's own. A metric of something that a broker doesn't do isn't shown. This page is printed from
the code by `python -m ottla.metrics.manual`.

A *summary* has the quantiles 0.50 to 0.999 of the last five to ten minutes, within 3 %, and `_sum` and `_count` since the
start. Counters of traffic come once over all topics, without the label `topic`, and once for each topic.

What clients push (KIP-714) is shown after these, under the names that the clients give: `org.apache.kafka.producer.record.send.total` as
`org_apache_kafka_producer_record_send_total`, with the labels `client_id` and `client_instance_id`.

| name | kind | labels | meaning |
|---|---|---|---|
"""


def manual() -> str:
    """The whole page."""
    rows = [
        f"| `{family.name}` | {family.kind.value} | {', '.join(family.labels)} | {family.help} |\n"
        for family in FAMILIES
    ]
    return _INTRODUCTION + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(manual())
