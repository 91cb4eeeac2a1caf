// Prints the facts of apache-4.1.1-share-group-records.txt: records that Apache's coordinator writes for share groups. Run
// from its source, with the jars of Apache Kafka 4.1.1 on the class path.
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordHelpers;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.modern.MemberState;
import org.apache.kafka.coordinator.group.modern.share.ShareGroup.InitMapValue;
import org.apache.kafka.coordinator.group.modern.share.ShareGroupMember;

public class ShareGroupRecords {
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

    public static void main(String[] arguments) {
        ShareGroupMember member = new ShareGroupMember.Builder("m-1").setRackId("räck").setClientId("c")
            .setClientHost("/127.0.0.1").setSubscribedTopicNames(List.of("b", "a")).setMemberEpoch(5)
            .setPreviousMemberEpoch(4).setState(MemberState.STABLE).setAssignedPartitions(partitions()).build();
        ShareGroupMember bare = new ShareGroupMember.Builder("m-2").setSubscribedTopicNames(List.of("a")).build();
        print("member", GroupCoordinatorRecordHelpers.newShareGroupMemberSubscriptionRecord("g-é", member));
        print("bare-member", GroupCoordinatorRecordHelpers.newShareGroupMemberSubscriptionRecord("g-é", bare));
        print("member-gone", GroupCoordinatorRecordHelpers.newShareGroupMemberSubscriptionTombstoneRecord("g-é", "m-1"));
        print("group", GroupCoordinatorRecordHelpers.newShareGroupEpochRecord("g-é", 7, -3L));
        print("group-gone", GroupCoordinatorRecordHelpers.newShareGroupEpochTombstoneRecord("g-é"));
        print("target-epoch", GroupCoordinatorRecordHelpers.newShareGroupTargetAssignmentEpochRecord("g-é", 6));
        print("target-epoch-gone", GroupCoordinatorRecordHelpers.newShareGroupTargetAssignmentEpochTombstoneRecord("g-é"));
        print("target", GroupCoordinatorRecordHelpers.newShareGroupTargetAssignmentRecord("g-é", "m-1", partitions()));
        print("target-gone", GroupCoordinatorRecordHelpers.newShareGroupTargetAssignmentTombstoneRecord("g-é", "m-1"));
        print("current", GroupCoordinatorRecordHelpers.newShareGroupCurrentAssignmentRecord("g-é", member));
        print("current-gone", GroupCoordinatorRecordHelpers.newShareGroupCurrentAssignmentTombstoneRecord("g-é", "m-1"));
        print("state", GroupCoordinatorRecordHelpers.newShareGroupStatePartitionMetadataRecord("g-é",
            new TreeMap<>(Map.of(new Uuid(0, 1), new InitMapValue("ä", new TreeSet<>(Set.of(0, 1)), 1))),
            new TreeMap<>(Map.of(
                new Uuid(0, 1), new InitMapValue("ä", new TreeSet<>(Set.of(2)), 1),
                new Uuid(0, 2), new InitMapValue("b", new TreeSet<>(Set.of(0)), 1))),
            new TreeMap<>(Map.of(new Uuid(0, 3), "c", new Uuid(0, 4), "<UNKNOWN>"))));
        print("state-gone", GroupCoordinatorRecordHelpers.newShareGroupStatePartitionMetadataTombstoneRecord("g-é"));
    }
}
