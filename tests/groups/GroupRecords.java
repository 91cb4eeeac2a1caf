// Prints the facts of apache-4.1.1-group-records.txt. Class path: kafka-clients, kafka-group-coordinator,
// kafka-server-common 4.1.1 and slf4j-api.
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.coordinator.group.generated.GroupMetadataKey;
import org.apache.kafka.coordinator.group.generated.GroupMetadataValue;
import org.apache.kafka.coordinator.group.generated.LegacyOffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.LegacyOffsetCommitValue;
import org.apache.kafka.coordinator.group.generated.OffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.OffsetCommitValue;

public class GroupRecords {
    static void print(String name, ByteBuffer buffer) {
        StringBuilder text = new StringBuilder(name).append(' ');
        while (buffer.hasRemaining()) {
            text.append(String.format("%02x", buffer.get()));
        }
        System.out.println(text);
    }

    public static void main(String[] arguments) {
        print("offset-key", MessageUtil.toCoordinatorTypePrefixedByteBuffer(
            new OffsetCommitKey().setGroup("g-é").setTopic("topic").setPartition(7)));
        for (short version = 0; version <= 4; version++) {
            OffsetCommitValue value = new OffsetCommitValue().setOffset(1234567890123L).setLeaderEpoch(5)
                .setMetadata("m\uD834\uDD1E").setCommitTimestamp(1700000000123L);
            if (version == 1) {
                value.setExpireTimestamp(1700003600123L);
            }
            print("offset-value-" + version, MessageUtil.toVersionPrefixedByteBuffer(version, value));
        }
        print("offset-value-topic-id", MessageUtil.toVersionPrefixedByteBuffer((short) 4,
            new OffsetCommitValue().setOffset(42).setMetadata("").setCommitTimestamp(1).setTopicId(new Uuid(1, 2))));
        print("group-key", MessageUtil.toCoordinatorTypePrefixedByteBuffer(new GroupMetadataKey().setGroup("g-é")));
        for (short version = 0; version <= 4; version++) {
            print("group-value-" + version, MessageUtil.toVersionPrefixedByteBuffer(version, new GroupMetadataValue()
                .setProtocolType("consumer").setGeneration(3).setProtocol("range").setLeader("m-1")
                .setCurrentStateTimestamp(1700000000456L)
                .setMembers(List.of(
                    new GroupMetadataValue.MemberMetadata().setMemberId("m-1").setGroupInstanceId("i").setClientId("c")
                        .setClientHost("/127.0.0.1").setRebalanceTimeout(60000).setSessionTimeout(10000)
                        .setSubscription(new byte[] {1, 2}).setAssignment(new byte[] {3}),
                    new GroupMetadataValue.MemberMetadata().setMemberId("m-2").setGroupInstanceId(null)
                        .setClientId("c2").setClientHost("/::1").setRebalanceTimeout(30000).setSessionTimeout(20000)
                        .setSubscription(new byte[] {}).setAssignment(new byte[] {})))));
        }
        print("group-value-new", MessageUtil.toVersionPrefixedByteBuffer((short) 3, new GroupMetadataValue()
            .setProtocol(null).setProtocolType("").setGeneration(0).setLeader(null).setCurrentStateTimestamp(9)
            .setMembers(List.of())));
        print("legacy-key", MessageUtil.toCoordinatorTypePrefixedByteBuffer(
            new LegacyOffsetCommitKey().setGroup("g").setTopic("t").setPartition(1)));
        print("legacy-value", MessageUtil.toVersionPrefixedByteBuffer((short) 0,
            new LegacyOffsetCommitValue().setOffset(9).setMetadata("old").setCommitTimestamp(77)));
        for (String group : List.of("g", "test-group", "console-consumer-12345", "grüße", "\uD834\uDD1E",
                "polygenelubricants", "group-é-\uD83D\uDE00")) {
            System.out.println("hash " + group + " " + group.hashCode() + " " + Utils.abs(group.hashCode()) % 50);
        }
    }
}
