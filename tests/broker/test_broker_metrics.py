"""The metrics page of a broker that serves clients, as Prometheus reads it."""

import json
import re
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, Producer

from ottla.metrics.catalogue import FAMILIES

APACHE = Path(__file__).parents[1] / "metrics" / "apache-4.1.1-metric-names.json"


def scrape(broker) -> dict[str, float]:
    """Every sample of the page by its name and labels."""
    port = broker.call(lambda server: server.pages.port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    assert all(re.fullmatch(r"# (HELP|TYPE) \S+ .+|[^# ]\S*(\{.*\})? \S+", line) for line in lines)
    samples = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    assert len({name for name, _ in samples}) == len(samples), "a sample stands twice"
    return {name: float(value) for name, value in samples}


def test_the_page_tells_traffic_logs_and_groups(start_broker) -> None:
    """After 10 records produced and 6 of them committed by a group, each number stands under its usual name."""
    broker = start_broker({"ottla.metrics.listener": "127.0.0.1:0"})
    producer = Producer({"bootstrap.servers": broker.address})
    for number in range(10):
        producer.produce("orders", str(number), partition=0)
    assert producer.flush(10) == 0
    consumer = Consumer(
        {
            "bootstrap.servers": broker.address,
            "group.id": "billing",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(["orders"])
    try:
        messages = [consumer.poll(10) for _ in range(6)]
        consumer.commit(message=messages[-1], asynchronous=False)
        page = scrape(broker)
    finally:
        consumer.close()

    orders = 'topic="orders",partition="0"'
    lag = 'consumergroup="billing",topic="orders",partition="0"'
    assert page["kafka_server_brokertopicmetrics_messagesin_total"] >= 10
    assert page['kafka_server_brokertopicmetrics_messagesin_total{topic="orders"}'] == 10
    assert page['kafka_server_brokertopicmetrics_bytesout_total{topic="orders"}'] > 0
    assert page[f"kafka_log_log_logendoffset{{{orders}}}"] == 10
    assert page[f"kafka_log_log_logstartoffset{{{orders}}}"] == 0
    assert page[f"kafka_log_log_size{{{orders}}}"] > 100
    assert page[f"kafka_log_log_numlogsegments{{{orders}}}"] == 1
    assert page['kafka_network_requestmetrics_totaltimems_count{request="Produce"}'] >= 1
    assert page['kafka_network_requestmetrics_totaltimems{request="Produce",quantile="0.99"}'] > 0
    assert page["kafka_controller_kafkacontroller_activecontrollercount"] == 1
    assert page["kafka_controller_kafkacontroller_offlinepartitionscount"] == 0
    assert page["kafka_server_replicamanager_underreplicatedpartitions"] == 0
    assert page["kafka_coordinator_group_groupmetadatamanager_numgroups"] == 1
    assert page["kafka_coordinator_group_groupmetadatamanager_numgroupsstable"] == 1
    assert page['ottla_groups{type="classic",state="Stable"}'] == 1
    assert page['kafka_consumergroup_members{consumergroup="billing"}'] == 1
    assert page[f"kafka_consumergroup_current_offset{{{lag}}}"] == 6
    assert page[f"kafka_consumergroup_lag{{{lag}}}"] == 4
    assert page['ottla_loop_lag_seconds_bucket{le="+Inf"}'] == page["ottla_loop_lag_seconds_count"] > 0


def test_every_name_on_the_page_is_in_the_catalogue(start_broker) -> None:
    """Nothing is shown that the manual doesn't list, and a good part of Apache's usual names is there."""
    broker = start_broker({"ottla.metrics.listener": "127.0.0.1:0"})
    shown = {re.split(r"[{ ]", name)[0] for name in scrape(broker)}
    known = {family.name for family in FAMILIES}
    suffixed = {name + suffix for name in known for suffix in ("_sum", "_count", "_bucket")}
    assert shown <= known | suffixed
    assert len(shown & json.loads(APACHE.read_text()).keys()) >= 20
