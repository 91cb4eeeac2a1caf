"""Rows of topics, settings and the cluster."""

from collections.abc import Callable

from authorization_rows import Names, Row, cluster, group, topic

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import Request
from ottla.protocol.messages import (
    alter_client_quotas,
    alter_configs,
    alter_partition_reassignments,
    alter_replica_log_dirs,
    alter_user_scram_credentials,
    create_acls,
    create_partitions,
    create_topics,
    delete_acls,
    delete_records,
    delete_topics,
    describe_acls,
    describe_client_quotas,
    describe_configs,
    describe_log_dirs,
    describe_topic_partitions,
    describe_user_scram_credentials,
    elect_leaders,
    incremental_alter_configs,
    list_config_resources,
    list_partition_reassignments,
    unregister_broker,
    update_features,
)
from ottla.security.acl import AclOperation as Op
from ottla.security.acl import ResourceType as Kind


def _create_topic(n: Names) -> Request:
    wanted = create_topics.CreatableTopic(name=n.topic, num_partitions=1, replication_factor=1)
    return create_topics.CreateTopicsRequest(topics=[wanted], timeout_ms=10_000, validate_only=True)


def _describe_settings(kind: int, name: Callable[[Names], str]) -> Callable[[Names], Request]:
    return lambda n: describe_configs.DescribeConfigsRequest(
        resources=[
            describe_configs.DescribeConfigsResource(
                resource_type=kind, resource_name=name(n), configuration_keys=["none.such"]
            )
        ]
    )


def _alter_settings(kind: int, name: Callable[[Names], str], *settings: str) -> Callable[[Names], Request]:
    return lambda n: alter_configs.AlterConfigsRequest(
        resources=[
            alter_configs.AlterConfigsResource(
                resource_type=kind,
                resource_name=name(n),
                configs=[alter_configs.AlterableConfig(name=each, value="5000") for each in settings],
            )
        ],
        validate_only=True,
    )


def _alter_setting(
    kind: int, name: Callable[[Names], str], setting: str, value: str = "5000"
) -> Callable[[Names], Request]:
    return lambda n: incremental_alter_configs.IncrementalAlterConfigsRequest(
        resources=[
            incremental_alter_configs.AlterConfigsResource(
                resource_type=kind,
                resource_name=name(n),
                configs=[incremental_alter_configs.AlterableConfig(name=setting, value=value)],
            )
        ],
        validate_only=True,
    )


def _scram(_: Names) -> Request:
    deletion = alter_user_scram_credentials.ScramCredentialDeletion(name="nobody", mechanism=1)
    return alter_user_scram_credentials.AlterUserScramCredentialsRequest(deletions=[deletion])


def _quotas(_: Names) -> Request:
    entry = alter_client_quotas.EntryData(
        entity=[alter_client_quotas.EntityData(entity_type="user", entity_name="nobody")],
        ops=[alter_client_quotas.OpData(key="producer_byte_rate", value=1e9)],
    )
    return alter_client_quotas.AlterClientQuotasRequest(entries=[entry], validate_only=True)


def _acl(_: Names) -> Request:
    creation = create_acls.AclCreation(
        resource_type=Kind.TOPIC,
        resource_name="",
        principal="User:nobody",
        host="*",
        operation=Op.READ,
        permission_type=3,
    )
    return create_acls.CreateAclsRequest(creations=[creation])


def _acl_filter(_: Names) -> Request:
    nothing = delete_acls.DeleteAclsFilter(
        resource_type_filter=Kind.TOPIC,
        resource_name_filter="none-such",
        principal_filter=None,
        host_filter=None,
        operation=1,
        permission_type=1,
    )
    return delete_acls.DeleteAclsRequest(filters=[nothing])


def _reassignment(n: Names) -> Request:
    moved = alter_partition_reassignments.ReassignablePartition(partition_index=9, replicas=[1])
    return alter_partition_reassignments.AlterPartitionReassignmentsRequest(
        topics=[alter_partition_reassignments.ReassignableTopic(name=n.topic, partitions=[moved])]
    )


ROWS = (
    Row(
        ApiKey.CREATE_TOPICS,
        "",
        _create_topic,
        create_topics.CreateTopicsResponse,
        7,
        (topic(Op.CREATE), topic(Op.DESCRIBE_CONFIGS)),
        or_else=((cluster(Op.CREATE), topic(Op.DESCRIBE_CONFIGS)),),
        on_absent=True,
    ),
    Row(
        ApiKey.DELETE_TOPICS,
        "",
        lambda n: delete_topics.DeleteTopicsRequest(
            topics=[delete_topics.DeleteTopicState(name=n.topic)], timeout_ms=10_000
        ),
        delete_topics.DeleteTopicsResponse,
        6,
        (topic(Op.DELETE),),
        or_else=((cluster(Op.DELETE),),),
        on_absent=True,
    ),
    Row(
        ApiKey.DELETE_RECORDS,
        "",
        lambda n: delete_records.DeleteRecordsRequest(
            topics=[
                delete_records.DeleteRecordsTopic(
                    name=n.topic,
                    partitions=[delete_records.DeleteRecordsPartition(partition_index=0, offset=0)],
                )
            ],
            timeout_ms=10_000,
        ),
        delete_records.DeleteRecordsResponse,
        2,
        (topic(Op.DELETE),),
    ),
    Row(
        ApiKey.DESCRIBE_ACLS,
        "",
        lambda n: describe_acls.DescribeAclsRequest(
            resource_type_filter=Kind.USER,
            resource_name_filter=None,
            principal_filter=None,
            host_filter=None,
            operation=1,
            permission_type=1,
        ),
        describe_acls.DescribeAclsResponse,
        2,
        (cluster(Op.DESCRIBE),),
    ),
    Row(ApiKey.CREATE_ACLS, "", _acl, create_acls.CreateAclsResponse, 2, (cluster(Op.ALTER),)),
    Row(ApiKey.DELETE_ACLS, "", _acl_filter, delete_acls.DeleteAclsResponse, 2, (cluster(Op.ALTER),)),
    Row(
        ApiKey.DESCRIBE_CONFIGS,
        "topic",
        _describe_settings(2, lambda n: n.topic),
        describe_configs.DescribeConfigsResponse,
        4,
        (topic(Op.DESCRIBE_CONFIGS),),
    ),
    Row(
        ApiKey.DESCRIBE_CONFIGS,
        "group",
        _describe_settings(32, lambda n: n.group),
        describe_configs.DescribeConfigsResponse,
        4,
        (group(Op.DESCRIBE_CONFIGS),),
    ),
    *(
        Row(
            ApiKey.DESCRIBE_CONFIGS,
            about,
            _describe_settings(kind, lambda _, name=name: name),
            describe_configs.DescribeConfigsResponse,
            4,
            (cluster(Op.DESCRIBE_CONFIGS),),
        )
        for about, kind, name in (("broker", 4, "1"), ("logger", 8, "1"), ("client-metrics", 16, "none"))
    ),
    Row(
        ApiKey.ALTER_CONFIGS,
        "topic",
        _alter_settings(2, lambda n: n.topic, "retention.ms"),
        alter_configs.AlterConfigsResponse,
        2,
        (topic(Op.ALTER_CONFIGS),),
    ),
    Row(
        ApiKey.ALTER_CONFIGS,
        "group",
        _alter_settings(32, lambda n: n.group, "consumer.heartbeat.interval.ms"),
        alter_configs.AlterConfigsResponse,
        2,
        (group(Op.ALTER_CONFIGS),),
    ),
    Row(
        ApiKey.ALTER_CONFIGS,
        "broker",
        _alter_settings(4, lambda _: "", "message.max.bytes"),
        alter_configs.AlterConfigsResponse,
        2,
        (cluster(Op.ALTER_CONFIGS),),
    ),
    Row(
        ApiKey.INCREMENTAL_ALTER_CONFIGS,
        "topic",
        _alter_setting(2, lambda n: n.topic, "retention.ms"),
        incremental_alter_configs.IncrementalAlterConfigsResponse,
        1,
        (topic(Op.ALTER_CONFIGS),),
    ),
    Row(
        ApiKey.INCREMENTAL_ALTER_CONFIGS,
        "group",
        _alter_setting(32, lambda n: n.group, "consumer.heartbeat.interval.ms"),
        incremental_alter_configs.IncrementalAlterConfigsResponse,
        1,
        (group(Op.ALTER_CONFIGS),),
    ),
    *(
        Row(
            ApiKey.INCREMENTAL_ALTER_CONFIGS,
            about,
            _alter_setting(kind, lambda _, name=name: name, setting, value),
            incremental_alter_configs.IncrementalAlterConfigsResponse,
            1,
            (cluster(Op.ALTER_CONFIGS),),
        )
        for about, kind, name, setting, value in (
            ("broker", 4, "", "log.retention.ms", "5000000"),
            ("logger", 8, "1", "kafka.server.KafkaApis", "INFO"),
            ("client-metrics", 16, "none", "interval.ms", "60000"),
        )
    ),
    Row(
        ApiKey.ALTER_REPLICA_LOG_DIRS,
        "",
        lambda n: alter_replica_log_dirs.AlterReplicaLogDirsRequest(
            dirs=[
                alter_replica_log_dirs.AlterReplicaLogDir(
                    path="/none-such",
                    topics=[alter_replica_log_dirs.AlterReplicaLogDirTopic(name=n.topic, partitions=[0])],
                )
            ]
        ),
        alter_replica_log_dirs.AlterReplicaLogDirsResponse,
        2,
        (cluster(Op.ALTER),),
    ),
    Row(
        ApiKey.DESCRIBE_LOG_DIRS,
        "",
        lambda n: describe_log_dirs.DescribeLogDirsRequest(topics=None),
        describe_log_dirs.DescribeLogDirsResponse,
        4,
        (cluster(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.DESCRIBE_LOG_DIRS,
        "without-a-code",
        lambda n: describe_log_dirs.DescribeLogDirsRequest(topics=None),
        describe_log_dirs.DescribeLogDirsResponse,
        2,
        (cluster(Op.DESCRIBE, None),),
    ),
    Row(
        ApiKey.CREATE_PARTITIONS,
        "",
        lambda n: create_partitions.CreatePartitionsRequest(
            topics=[create_partitions.CreatePartitionsTopic(name=n.topic, count=2, assignments=None)],
            timeout_ms=10_000,
            validate_only=True,
        ),
        create_partitions.CreatePartitionsResponse,
        3,
        (topic(Op.ALTER),),
    ),
    Row(
        ApiKey.ELECT_LEADERS,
        "",
        lambda n: elect_leaders.ElectLeadersRequest(
            topic_partitions=[elect_leaders.TopicPartitions(topic=n.topic, partitions=[0])],
            timeout_ms=10_000,
        ),
        elect_leaders.ElectLeadersResponse,
        2,
        (cluster(Op.ALTER),),
    ),
    Row(
        ApiKey.ALTER_PARTITION_REASSIGNMENTS,
        "",
        _reassignment,
        alter_partition_reassignments.AlterPartitionReassignmentsResponse,
        0,
        (cluster(Op.ALTER),),
    ),
    Row(
        ApiKey.LIST_PARTITION_REASSIGNMENTS,
        "",
        lambda n: list_partition_reassignments.ListPartitionReassignmentsRequest(topics=None),
        list_partition_reassignments.ListPartitionReassignmentsResponse,
        0,
        (cluster(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.DESCRIBE_CLIENT_QUOTAS,
        "",
        lambda n: describe_client_quotas.DescribeClientQuotasRequest(),
        describe_client_quotas.DescribeClientQuotasResponse,
        1,
        (cluster(Op.DESCRIBE_CONFIGS),),
    ),
    Row(
        ApiKey.ALTER_CLIENT_QUOTAS,
        "",
        _quotas,
        alter_client_quotas.AlterClientQuotasResponse,
        1,
        (cluster(Op.ALTER_CONFIGS),),
    ),
    Row(
        ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
        "",
        lambda n: describe_user_scram_credentials.DescribeUserScramCredentialsRequest(
            users=[describe_user_scram_credentials.UserName(name="nobody")]
        ),
        describe_user_scram_credentials.DescribeUserScramCredentialsResponse,
        0,
        (cluster(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
        "",
        _scram,
        alter_user_scram_credentials.AlterUserScramCredentialsResponse,
        0,
        (cluster(Op.ALTER),),
    ),
    Row(
        ApiKey.UPDATE_FEATURES,
        "",
        lambda n: update_features.UpdateFeaturesRequest(
            feature_updates=[
                update_features.FeatureUpdateKey(feature="none.such", max_version_level=1, upgrade_type=1)
            ],
            validate_only=True,
        ),
        update_features.UpdateFeaturesResponse,
        1,
        (cluster(Op.ALTER),),
    ),
    Row(
        ApiKey.UNREGISTER_BROKER,
        "",
        lambda n: unregister_broker.UnregisterBrokerRequest(broker_id=99),
        unregister_broker.UnregisterBrokerResponse,
        0,
        (cluster(Op.ALTER),),
    ),
    Row(
        ApiKey.LIST_CONFIG_RESOURCES,
        "",
        lambda n: list_config_resources.ListConfigResourcesRequest(),
        list_config_resources.ListConfigResourcesResponse,
        1,
        (cluster(Op.DESCRIBE_CONFIGS),),
    ),
    Row(
        ApiKey.DESCRIBE_TOPIC_PARTITIONS,
        "",
        lambda n: describe_topic_partitions.DescribeTopicPartitionsRequest(
            topics=[describe_topic_partitions.TopicRequest(name=n.topic)]
        ),
        describe_topic_partitions.DescribeTopicPartitionsResponse,
        0,
        (topic(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.DESCRIBE_TOPIC_PARTITIONS,
        "all",
        lambda n: describe_topic_partitions.DescribeTopicPartitionsRequest(),
        describe_topic_partitions.DescribeTopicPartitionsResponse,
        0,
        (topic(Op.DESCRIBE, None),),
    ),
)
