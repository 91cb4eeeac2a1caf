// Prints the facts of apache-4.1.1-consumer-group-records.txt: records that Apache's coordinator writes for consumer groups,
// and metadata hashes. Run from its source, with the jars of Apache Kafka 4.1.1 on the class path.
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.metadata.RegisterBrokerRecord;
import org.apache.kafka.common.metadata.TopicRecord;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordHelpers;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.Utils;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupMemberMetadataValue;
import org.apache.kafka.coordinator.group.modern.MemberState;
import org.apache.kafka.coordinator.group.modern.consumer.ConsumerGroupMember;
import org.apache.kafka.coordinator.group.modern.consumer.ResolvedRegularExpression;
import org.apache.kafka.image.MetadataDelta;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.MetadataProvenance;

public class ConsumerGroupRecords {
    static final GroupCoordinatorRecordSerde SERDE = new GroupCoordinatorRecordSerde();

    static String hex(byte[] bytes) {
        if (bytes == null) return "-";
        StringBuilder text = new StringBuilder();
        for (byte each : bytes) text.append(String.format("%02x", each));
        return text.toString();
    }

    static void print(String name, CoordinatorRecord record) {
        System.out.println(name + " " + hex(SERDE.serializeKey(record)) + " " + hex(SERDE.serializeValue(record)));
    }

    static Map<Uuid, Set<Integer>> partitions() {
        return new TreeMap<>(Map.of(new Uuid(0, 1), new TreeSet<>(Set.of(0, 3)), new Uuid(0, 2), new TreeSet<>(Set.of(7))));
    }

    static void hashes() {
        MetadataDelta delta = new MetadataDelta(MetadataImage.EMPTY);
        for (int broker = 1; broker <= 3; broker++) {
            delta.replay(new RegisterBrokerRecord().setBrokerId(broker).setRack(broker == 3 ? null : "räck-" + broker)
                .setFenced(false).setIncarnationId(new Uuid(9, broker)));
        }
        for (int topic = 1; topic <= 2; topic++) {
            Uuid id = new Uuid(0x8123456789abcdefL, topic);
            delta.replay(new TopicRecord().setName("topic-" + topic).setTopicId(id));
            for (int partition = 0; partition < topic * 2; partition++) {
                delta.replay(new PartitionRecord().setTopicId(id).setPartitionId(partition)
                    .setReplicas(List.of(2, 1, 3)).setIsr(List.of(2)).setLeader(2).setLeaderEpoch(0).setPartitionEpoch(0)
                    .setDirectories(List.of(Uuid.ZERO_UUID, Uuid.ZERO_UUID, Uuid.ZERO_UUID)));
            }
        }
        MetadataImage image = delta.apply(MetadataProvenance.EMPTY);
        long first = Utils.computeTopicHash("topic-1", image);
        long second = Utils.computeTopicHash("topic-2", image);
        System.out.println("hash-topic-1 " + Utils.computeGroupHash(Map.of("topic-1", first)));
        System.out.println("hash-both " + Utils.computeGroupHash(Map.of("topic-1", first, "topic-2", second)));
        System.out.println("hash-none " + Utils.computeGroupHash(Map.of()));
    }

    public static void main(String[] arguments) {
        ConsumerGroupMember member = new ConsumerGroupMember.Builder("m-1").setMemberEpoch(5).setPreviousMemberEpoch(4)
            .setInstanceId("i").setRackId("r").setRebalanceTimeoutMs(60000).setClientId("c").setClientHost("/127.0.0.1")
            .setSubscribedTopicNames(List.of("b", "a")).setSubscribedTopicRegex("t-.*").setServerAssignorName("range")
            .setState(MemberState.UNREVOKED_PARTITIONS).setAssignedPartitions(partitions())
            .setPartitionsPendingRevocation(new TreeMap<>(Map.of(new Uuid(0, 3), new TreeSet<>(Set.of(1))))).build();
        ConsumerGroupMember bare = new ConsumerGroupMember.Builder("m-2").build();
        ConsumerGroupMember classic = new ConsumerGroupMember.Builder("m-3").setSubscribedTopicRegex(null)
            .setClassicMemberMetadata(new ConsumerGroupMemberMetadataValue.ClassicMemberMetadata().setSessionTimeoutMs(10000)
                .setSupportedProtocols(List.of(
                    new ConsumerGroupMemberMetadataValue.ClassicProtocol().setName("range").setMetadata(new byte[] {1, 2}),
                    new ConsumerGroupMemberMetadataValue.ClassicProtocol().setName("sticky").setMetadata(new byte[] {}))))
            .build();
        print("member", GroupCoordinatorRecordHelpers.newConsumerGroupMemberSubscriptionRecord("g-é", member));
        print("member-bare", GroupCoordinatorRecordHelpers.newConsumerGroupMemberSubscriptionRecord("g-é", bare));
        print("member-classic", GroupCoordinatorRecordHelpers.newConsumerGroupMemberSubscriptionRecord("g-é", classic));
        print("member-gone", GroupCoordinatorRecordHelpers.newConsumerGroupMemberSubscriptionTombstoneRecord("g-é", "m-1"));
        print("epoch", GroupCoordinatorRecordHelpers.newConsumerGroupEpochRecord("g-é", 7, -3L));
        print("epoch-without-hash", GroupCoordinatorRecordHelpers.newConsumerGroupEpochRecord("g-é", 7, 0L));
        print("epoch-gone", GroupCoordinatorRecordHelpers.newConsumerGroupEpochTombstoneRecord("g-é"));
        print("topics-gone", GroupCoordinatorRecordHelpers.newConsumerGroupSubscriptionMetadataTombstoneRecord("g-é"));
        print("target", GroupCoordinatorRecordHelpers.newConsumerGroupTargetAssignmentRecord("g-é", "m-1", partitions()));
        print("target-nothing", GroupCoordinatorRecordHelpers.newConsumerGroupTargetAssignmentRecord("g-é", "m-1", Map.of()));
        print("target-gone", GroupCoordinatorRecordHelpers.newConsumerGroupTargetAssignmentTombstoneRecord("g-é", "m-1"));
        print("target-epoch", GroupCoordinatorRecordHelpers.newConsumerGroupTargetAssignmentEpochRecord("g-é", 8));
        print("target-epoch-gone", GroupCoordinatorRecordHelpers.newConsumerGroupTargetAssignmentEpochTombstoneRecord("g-é"));
        print("current", GroupCoordinatorRecordHelpers.newConsumerGroupCurrentAssignmentRecord("g-é", member));
        print("current-bare", GroupCoordinatorRecordHelpers.newConsumerGroupCurrentAssignmentRecord("g-é", bare));
        print("current-gone", GroupCoordinatorRecordHelpers.newConsumerGroupCurrentAssignmentTombstoneRecord("g-é", "m-1"));
        print("regex", GroupCoordinatorRecordHelpers.newConsumerGroupRegularExpressionRecord("g-é", "t-.*",
            new ResolvedRegularExpression(Set.of("t-2", "t-1"), 12L, 1700000000123L)));
        print("regex-gone", GroupCoordinatorRecordHelpers.newConsumerGroupRegularExpressionTombstone("g-é", "t-.*"));
        hashes();
    }
}
