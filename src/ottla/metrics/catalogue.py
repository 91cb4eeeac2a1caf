"""Every metric by name, with what it means.

Names are those that Prometheus' JMX exporter gives to Apache Kafka's with its stock rules (`kafka-2_0_0.yml`), so that
dashboards made for Apache's show Ottla's; those of group lag are kafka-exporter's; what is ours alone begins with
`ottla_`. Not every family has samples: what a broker doesn't do, it doesn't show.
"""

from __future__ import annotations

from typing import Final

from ottla.metrics.family import Family, Kind

_COUNTER, _GAUGE, _SUMMARY, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.SUMMARY, Kind.HISTOGRAM


def _topic_counter(name: str, text: str) -> Family:
    return Family(f"kafka_server_brokertopicmetrics_{name}_total", _COUNTER, text, ("topic",))


# Traffic, over all topics (no label) and by topic
MESSAGES_IN: Final = _topic_counter("messagesin", "Records that producers wrote.")
BYTES_IN: Final = _topic_counter(
    "bytesin", "Bytes of record batches that producers wrote, compressed as they came."
)
BYTES_OUT: Final = _topic_counter("bytesout", "Bytes of record batches that consumers were sent.")
BYTES_REJECTED: Final = _topic_counter("bytesrejected", "Bytes of record batches that were refused.")
TOTAL_PRODUCE_REQUESTS: Final = _topic_counter(
    "totalproducerequests", "Writes to a partition, refused ones included."
)
TOTAL_FETCH_REQUESTS: Final = _topic_counter(
    "totalfetchrequests", "Reads of a partition, refused ones included."
)
FAILED_PRODUCE_REQUESTS: Final = _topic_counter("failedproducerequests", "Writes to a partition that failed.")
FAILED_FETCH_REQUESTS: Final = _topic_counter("failedfetchrequests", "Reads of a partition that failed.")
REPLICATION_BYTES_IN: Final = _topic_counter(
    "replicationbytesin", "Bytes of record batches fetched from leaders."
)
REPLICATION_BYTES_OUT: Final = _topic_counter(
    "replicationbytesout", "Bytes of record batches sent to followers."
)
PRODUCE_MESSAGE_CONVERSIONS: Final = _topic_counter(
    "producemessageconversions",
    "Batches that had to be written anew, for another codec or another timestamp.",
)
INVALID_MESSAGE_CRC_RECORDS: Final = _topic_counter(
    "invalidmessagecrcrecords", "Batches refused for a wrong checksum."
)
INVALID_MAGIC_NUMBER_RECORDS: Final = _topic_counter(
    "invalidmagicnumberrecords", "Batches refused for their format's version."
)
INVALID_OFFSET_OR_SEQUENCE_RECORDS: Final = _topic_counter(
    "invalidoffsetorsequencerecords", "Batches refused for their count of records or sequence."
)
NO_KEY_COMPACTED_TOPIC_RECORDS: Final = _topic_counter(
    "nokeycompactedtopicrecords", "Batches refused for a record without a key on a compacted topic."
)


def _request_times(name: str, text: str) -> Family:
    return Family(f"kafka_network_requestmetrics_{name}", _SUMMARY, text, ("request",))


# Requests
REQUESTS: Final = Family(
    "kafka_network_requestmetrics_requests_total", _COUNTER, "Requests answered.", ("request", "version")
)
REQUEST_ERRORS: Final = Family(
    "kafka_network_requestmetrics_errors_total",
    _COUNTER,
    "Answers by error, NONE included.",
    ("request", "error"),
)
TOTAL_TIME_MS: Final = _request_times("totaltimems", "Milliseconds from a whole request to its whole answer.")
REQUEST_QUEUE_TIME_MS: Final = _request_times(
    "requestqueuetimems", "Milliseconds that a whole request waited for those before it."
)
LOCAL_TIME_MS: Final = _request_times("localtimems", "Milliseconds spent in a request's handler.")
REMOTE_TIME_MS: Final = _request_times(
    "remotetimems", "Milliseconds that a request waited for data, replicas or members."
)
RESPONSE_QUEUE_TIME_MS: Final = _request_times(
    "responsequeuetimems", "Milliseconds that an answer waited for those before it."
)
RESPONSE_SEND_TIME_MS: Final = _request_times(
    "responsesendtimems", "Milliseconds that it took to send an answer."
)
THROTTLE_TIME_MS: Final = _request_times(
    "throttletimems", "Milliseconds that a client was told to hold back."
)
REQUEST_BYTES: Final = _request_times("requestbytes", "Size of requests in bytes.")

# The network
CONNECTION_COUNT: Final = Family(
    "kafka_server_socket_server_metrics_connection_count", _GAUGE, "Connections that are open.", ("listener",)
)
CONNECTIONS_CREATED: Final = Family(
    "kafka_server_socket_server_metrics_connection_creation_total",
    _COUNTER,
    "Connections accepted.",
    ("listener",),
)
CONNECTIONS_CLOSED: Final = Family(
    "kafka_server_socket_server_metrics_connection_close_total",
    _COUNTER,
    "Connections closed.",
    ("listener",),
)
SUCCESSFUL_AUTHENTICATIONS: Final = Family(
    "kafka_server_socket_server_metrics_successful_authentication_total",
    _COUNTER,
    "Log-ins by SASL that went well; on listeners of SSL, TLS handshakes.",
    ("listener",),
)
FAILED_AUTHENTICATIONS: Final = Family(
    "kafka_server_socket_server_metrics_failed_authentication_total",
    _COUNTER,
    "Log-ins by SASL and TLS handshakes that failed, or took too long.",
    ("listener",),
)
SUCCESSFUL_REAUTHENTICATIONS: Final = Family(
    "kafka_server_socket_server_metrics_successful_reauthentication_total",
    _COUNTER,
    "Log-ins for a longer session that went well (KIP-368).",
    ("listener",),
)
FAILED_REAUTHENTICATIONS: Final = Family(
    "kafka_server_socket_server_metrics_failed_reauthentication_total",
    _COUNTER,
    "Log-ins for a longer session that failed.",
    ("listener",),
)
EXPIRED_CONNECTIONS_KILLED: Final = Family(
    "kafka_server_socket_server_metrics_expired_connections_killed_total",
    _COUNTER,
    "Connections closed because a request came after their session's end.",
    ("listener",),
)
ACCESS_RULES: Final = Family(
    "ottla_access_rules", _GAUGE, "Access rules (ACLs), where there is an authorizer."
)
ACCESS_REFUSALS: Final = Family(
    "ottla_access_refusals_total", _COUNTER, "Times that access rules denied what a client asked for."
)
CONNECTIONS_REFUSED: Final = Family(
    "ottla_connections_refused_total",
    _COUNTER,
    "Connections closed at once for a limit.",
    ("listener", "reason"),
)
NETWORK_IDLE_PERCENT: Final = Family(
    "kafka_network_socketserver_networkprocessoravgidlepercent",
    _GAUGE,
    "Share of its time, from 0 to 1, that the loop waits for something to do.",
)
MEMORY_POOL_USED: Final = Family(
    "kafka_network_socketserver_memorypoolused",
    _GAUGE,
    "Bytes of requests that are held, whole and unfinished.",
)
MEMORY_POOL_AVAILABLE: Final = Family(
    "kafka_network_socketserver_memorypoolavailable",
    _GAUGE,
    "Bytes of requests that may still be held before reading pauses; 0 when there is no limit.",
)


def _log_gauge(name: str, text: str) -> Family:
    return Family(f"kafka_log_log_{name}", _GAUGE, text, ("topic", "partition"))


# The log
LOG_SIZE: Final = _log_gauge("size", "Bytes of the partition's segments.")
LOG_END_OFFSET: Final = _log_gauge("logendoffset", "Offset of the next record.")
LOG_START_OFFSET: Final = _log_gauge("logstartoffset", "Offset of the first record.")
NUM_LOG_SEGMENTS: Final = _log_gauge("numlogsegments", "Segments of the partition.")
LOG_FLUSH_TIME_MS: Final = Family(
    "kafka_log_logflushstats_logflushrateandtimems", _SUMMARY, "Milliseconds that a flush of a log took."
)
OFFLINE_LOG_DIRECTORIES: Final = Family(
    "kafka_log_logmanager_offlinelogdirectorycount", _GAUGE, "Log directories that failed."
)
LOG_DIRECTORY_OFFLINE: Final = Family(
    "kafka_log_logmanager_logdirectoryoffline",
    _GAUGE,
    "1 for a log directory that failed.",
    ("logDirectory",),
)
REMAINING_LOGS_TO_RECOVER: Final = Family(
    "kafka_log_logmanager_remaininglogstorecover", _GAUGE, "Logs still to be checked after a crash.", ("dir",)
)
CLEANER_MAX_DIRTY_PERCENT: Final = Family(
    "kafka_log_logcleanermanager_max_dirty_percent",
    _GAUGE,
    "Largest share of a compacted log, in percent, that isn't compacted yet.",
)
CLEANER_TIME_SINCE_LAST_RUN_MS: Final = Family(
    "kafka_log_logcleanermanager_time_since_last_run_ms",
    _GAUGE,
    "Milliseconds since compaction last looked for work.",
)
UNCLEANABLE_PARTITIONS: Final = Family(
    "kafka_log_logcleanermanager_uncleanable_partitions_count",
    _GAUGE,
    "Partitions that can't be compacted for an error.",
    ("logDirectory",),
)
CLEANER_RECOPY_PERCENT: Final = Family(
    "kafka_log_logcleaner_cleaner_recopy_percent",
    _GAUGE,
    "Percentage of the bytes read by the last passes of compaction that were kept.",
)

# Replicas
PARTITION_COUNT: Final = Family(
    "kafka_server_replicamanager_partitioncount", _GAUGE, "Partitions on this broker."
)
LEADER_COUNT: Final = Family(
    "kafka_server_replicamanager_leadercount", _GAUGE, "Partitions that this broker leads."
)
UNDER_REPLICATED_PARTITIONS: Final = Family(
    "kafka_server_replicamanager_underreplicatedpartitions",
    _GAUGE,
    "Led partitions with a replica out of sync.",
)
UNDER_MIN_ISR_PARTITIONS: Final = Family(
    "kafka_server_replicamanager_underminisrpartitioncount",
    _GAUGE,
    "Led partitions with fewer replicas in sync than min.insync.replicas.",
)
AT_MIN_ISR_PARTITIONS: Final = Family(
    "kafka_server_replicamanager_atminisrpartitioncount",
    _GAUGE,
    "Led partitions with just as many replicas in sync as min.insync.replicas.",
)
OFFLINE_REPLICAS: Final = Family(
    "kafka_server_replicamanager_offlinereplicacount", _GAUGE, "Partitions on log directories that failed."
)
REASSIGNING_PARTITIONS: Final = Family(
    "kafka_server_replicamanager_reassigningpartitions", _GAUGE, "Led partitions that are moving."
)
ISR_SHRINKS: Final = Family(
    "kafka_server_replicamanager_isrshrinks_total", _COUNTER, "Replicas that fell out of sync."
)
ISR_EXPANDS: Final = Family(
    "kafka_server_replicamanager_isrexpands_total", _COUNTER, "Replicas that came in sync."
)
FAILED_ISR_UPDATES: Final = Family(
    "kafka_server_replicamanager_failedisrupdates_total",
    _COUNTER,
    "Changes of the replicas in sync that the controller didn't take.",
)
PRODUCER_ID_COUNT: Final = Family(
    "kafka_server_replicamanager_produceridcount",
    _GAUGE,
    "Idempotent producers known, counted on each partition.",
)
DELAYED_OPERATIONS: Final = Family(
    "kafka_server_delayedoperationpurgatory_numdelayedoperations",
    _GAUGE,
    "Requests that wait for data or replicas.",
    ("delayedOperation",),
)
PURGATORY_SIZE: Final = Family(
    "kafka_server_delayedoperationpurgatory_purgatorysize",
    _GAUGE,
    "Entries by which waiting requests are found, one for each partition they wait for.",
    ("delayedOperation",),
)
FETCH_SESSIONS: Final = Family(
    "kafka_server_fetchsessioncache_numincrementalfetchsessions", _GAUGE, "Fetch sessions that are kept."
)
FETCH_SESSION_PARTITIONS: Final = Family(
    "kafka_server_fetchsessioncache_numincrementalfetchpartitionscached",
    _GAUGE,
    "Partitions in all fetch sessions.",
)
FETCH_SESSION_EVICTIONS: Final = Family(
    "kafka_server_fetchsessioncache_incrementalfetchsessionevictions_total",
    _COUNTER,
    "Fetch sessions dropped for newer ones.",
)
BROKER_STATE: Final = Family(
    "kafka_server_kafkaserver_brokerstate",
    _GAUGE,
    "0 not running, 1 starting, 2 recovering, 3 running, 6 handing over, 7 shutting down.",
)


def _partition_gauge(name: str, text: str) -> Family:
    return Family(f"kafka_cluster_partition_{name}", _GAUGE, text, ("topic", "partition"))


REPLICAS_COUNT: Final = _partition_gauge("replicascount", "Replicas of a led partition.")
IN_SYNC_REPLICAS_COUNT: Final = _partition_gauge(
    "insyncreplicascount", "Replicas in sync of a led partition."
)
UNDER_REPLICATED: Final = _partition_gauge(
    "underreplicated", "1 for a led partition with a replica out of sync."
)
UNDER_MIN_ISR: Final = _partition_gauge(
    "underminisr", "1 for a led partition with fewer replicas in sync than min.insync.replicas."
)
LAST_STABLE_OFFSET_LAG: Final = _partition_gauge(
    "laststableoffsetlag", "Records between the last stable offset and the high watermark."
)

# The controller
ACTIVE_CONTROLLER_COUNT: Final = Family(
    "kafka_controller_kafkacontroller_activecontrollercount",
    _GAUGE,
    "1 on the broker that is the controller.",
)
OFFLINE_PARTITIONS_COUNT: Final = Family(
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    _GAUGE,
    "Partitions of the cluster without a leader.",
)
PREFERRED_REPLICA_IMBALANCE_COUNT: Final = Family(
    "kafka_controller_kafkacontroller_preferredreplicaimbalancecount",
    _GAUGE,
    "Partitions of the cluster that aren't led by their preferred replica.",
)
UNCLEAN_LEADER_ELECTIONS: Final = Family(
    "kafka_controller_controllerstats_uncleanleaderelections_total",
    _COUNTER,
    "Partitions given to a leader that was out of sync.",
)
GLOBAL_TOPIC_COUNT: Final = Family(
    "kafka_controller_kafkacontroller_globaltopiccount", _GAUGE, "Topics of the cluster."
)
GLOBAL_PARTITION_COUNT: Final = Family(
    "kafka_controller_kafkacontroller_globalpartitioncount", _GAUGE, "Partitions of the cluster."
)
ACTIVE_BROKER_COUNT: Final = Family(
    "kafka_controller_kafkacontroller_activebrokercount", _GAUGE, "Brokers of the cluster that are up."
)


def _group_gauge(name: str, text: str) -> Family:
    return Family(f"kafka_coordinator_group_groupmetadatamanager_{name}", _GAUGE, text)


# Groups
NUM_GROUPS: Final = _group_gauge("numgroups", "Classic groups that this broker coordinates.")
NUM_OFFSETS: Final = _group_gauge("numoffsets", "Committed offsets that are kept.")
NUM_GROUPS_PREPARING_REBALANCE: Final = _group_gauge(
    "numgroupspreparingrebalance", "Groups that wait for members."
)
NUM_GROUPS_COMPLETING_REBALANCE: Final = _group_gauge(
    "numgroupscompletingrebalance", "Groups that wait for their leader's assignment."
)
NUM_GROUPS_STABLE: Final = _group_gauge("numgroupsstable", "Groups whose members have their partitions.")
NUM_GROUPS_EMPTY: Final = _group_gauge("numgroupsempty", "Groups without members.")
NUM_GROUPS_DEAD: Final = _group_gauge("numgroupsdead", "Groups that are being removed.")
GROUPS: Final = Family(
    "ottla_groups",
    _GAUGE,
    "Groups by type (classic, consumer, share or streams) and state.",
    ("type", "state"),
)
CONSUMER_GROUP_LAG: Final = Family(
    "kafka_consumergroup_lag",
    _GAUGE,
    "Records of a partition that a group hasn't committed yet.",
    ("consumergroup", "topic", "partition"),
)
CONSUMER_GROUP_CURRENT_OFFSET: Final = Family(
    "kafka_consumergroup_current_offset",
    _GAUGE,
    "Offset that a group committed on a partition.",
    ("consumergroup", "topic", "partition"),
)
CONSUMER_GROUP_MEMBERS: Final = Family(
    "kafka_consumergroup_members", _GAUGE, "Members of a group.", ("consumergroup",)
)

# Ottla's own
LOOP_LAG_SECONDS: Final = Family(
    "ottla_loop_lag_seconds", _HISTOGRAM, "Seconds by which the event loop ran a timer late."
)
BUILD_INFO: Final = Family(
    "ottla_build_info", _GAUGE, "Always 1; the version and Python stand in the labels.", ("version", "python")
)
LOG_LINES_DROPPED: Final = Family(
    "ottla_log_lines_dropped_total",
    _COUNTER,
    "Lines of the broker's own log lost because stderr was blocked.",
)


# Quotas, of each user or client that has one
def _of_clients(name: str, text: str) -> Family:
    return Family(f"kafka_server_{name}", _GAUGE, text, ("user", "client_id"))


PRODUCE_BYTE_RATE: Final = _of_clients(
    "produce_byte_rate", "Bytes a second that clients with a quota produce."
)
PRODUCE_THROTTLE_TIME: Final = _of_clients(
    "produce_throttle_time", "Milliseconds that they were held back last."
)
FETCH_BYTE_RATE: Final = _of_clients("fetch_byte_rate", "Bytes a second that clients with a quota fetch.")
FETCH_THROTTLE_TIME: Final = _of_clients("fetch_throttle_time", "Milliseconds that they were held back last.")
REQUEST_TIME: Final = _of_clients(
    "request_request_time", "Percentage of the loop's time that clients with a quota take."
)
REQUEST_THROTTLE_TIME: Final = _of_clients(
    "request_throttle_time", "Milliseconds that they were held back last."
)
MUTATION_TOKENS: Final = _of_clients(
    "controllermutation_tokens", "Partitions that clients with a quota may make or delete at once."
)
MUTATION_THROTTLE_TIME: Final = _of_clients(
    "controllermutation_throttle_time", "Milliseconds that they were held back last."
)

# Client telemetry
CLIENT_METRICS_INSTANCES: Final = Family(
    "kafka_server_client_metrics_instance_count", _GAUGE, "Clients that have asked what metrics to push."
)
CLIENT_METRICS_UNKNOWN_SUBSCRIPTIONS: Final = Family(
    "kafka_server_client_metrics_unknown_subscription_request_total",
    _COUNTER,
    "Pushes for a subscription that had changed.",
)
CLIENT_METRICS_THROTTLES: Final = Family(
    "kafka_server_client_metrics_throttle_total", _COUNTER, "Telemetry requests that came too soon."
)
CLIENT_METRICS_EXPORTS: Final = Family(
    "kafka_server_client_metrics_plugin_export_total", _COUNTER, "Pushes that were taken."
)
CLIENT_METRICS_FAILURES: Final = Family(
    "kafka_server_client_metrics_plugin_error_total", _COUNTER, "Pushes that could not be read."
)
CLIENT_METRICS_DROPPED: Final = Family(
    "ottla_client_metrics_dropped_total", _COUNTER, "Pushed values that were beyond a bound."
)

# Transactions
MARKERS_WITHOUT_LEADER: Final = Family(
    "kafka_coordinator_transaction_transactionmarkerchannelmanager_unknowndestinationqueuesize",
    _GAUGE,
    "Partitions whose marker waits to be tried again, mostly for a leader.",
)
COMPLETIONS_TO_RETRY: Final = Family(
    "kafka_coordinator_transaction_transactionmarkerchannelmanager_logappendretryqueuesize",
    _GAUGE,
    "Transactions that wait to be recorded as complete.",
)

# Share groups
SHARE_SESSIONS: Final = Family(
    "kafka_server_sharesessioncache_sharesessionscount", _GAUGE, "Share sessions that are kept."
)
SHARE_SESSION_PARTITIONS: Final = Family(
    "kafka_server_sharesessioncache_sharepartitionscount", _GAUGE, "Partitions in all share sessions."
)
SHARE_SESSION_EVICTIONS: Final = Family(
    "kafka_server_sharesessioncache_sharesessionevictions_total",
    _COUNTER,
    "Share sessions that ended with their connection.",
)
SHARE_ACKNOWLEDGEMENTS: Final = Family(
    "kafka_server_sharegroupmetrics_recordacknowledgements_total",
    _COUNTER,
    "Records that members of share groups have acknowledged, by what they said.",
    ("ackType",),
)
SHARE_IN_FLIGHT_RECORDS: Final = Family(
    "kafka_server_sharepartitionmetrics_inflightmessagecount",
    _GAUGE,
    "Offsets from a share partition's start to the last one handed out.",
    ("group", "topic", "partition"),
)
SHARE_IN_FLIGHT_RANGES: Final = Family(
    "kafka_server_sharepartitionmetrics_inflightbatchcount",
    _GAUGE,
    "Ranges of offsets in one state that a share partition has in flight.",
    ("group", "topic", "partition"),
)
SHARE_LOCK_TIMEOUTS: Final = Family(
    "kafka_server_sharepartitionmetrics_acquisitionlocktimeout_total",
    _COUNTER,
    "Records whose lock was over before they were acknowledged.",
)

# The process
PROCESS_CPU_SECONDS: Final = Family(
    "process_cpu_seconds_total", _COUNTER, "Processor time of the process in seconds, user and system."
)
PROCESS_RESIDENT_MEMORY_BYTES: Final = Family(
    "process_resident_memory_bytes", _GAUGE, "Memory of the process that is in RAM, in bytes."
)
PROCESS_VIRTUAL_MEMORY_BYTES: Final = Family(
    "process_virtual_memory_bytes", _GAUGE, "Address space of the process in bytes."
)
PROCESS_OPEN_FDS: Final = Family("process_open_fds", _GAUGE, "Open file descriptors.")
PROCESS_MAX_FDS: Final = Family("process_max_fds", _GAUGE, "File descriptors that the process may open.")
PROCESS_START_TIME_SECONDS: Final = Family(
    "process_start_time_seconds", _GAUGE, "When the process started, in seconds since 1970."
)

FAMILIES: Final = tuple(value for value in list(globals().values()) if isinstance(value, Family))
"""All of them, in the order above."""
