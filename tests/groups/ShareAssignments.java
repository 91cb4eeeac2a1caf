// What Apache's SimpleAssignor makes of groups, line by line: a group as JSON in, its assignment as JSON out; null where
// it gives up.
// Run from its source, with the jars of Apache Kafka 4.1.1 on the class path.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.MemberAssignment;
import org.apache.kafka.coordinator.group.api.assignor.PartitionAssignorException;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.SimpleAssignor;
import org.apache.kafka.coordinator.group.modern.Assignment;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;
import org.apache.kafka.coordinator.group.modern.TopicIds;
import org.apache.kafka.image.TopicsImage;

public class ShareAssignments {
    record Topics(Map<String, Uuid> ids, Map<Uuid, String> names, Map<Uuid, Integer> counts)
            implements TopicIds.TopicResolver, SubscribedTopicDescriber {
        public TopicsImage image() { return null; }
        public String name(Uuid id) { return names.get(id); }
        public Uuid id(String name) { return ids.get(name); }
        public void clear() { }
        public int numPartitions(Uuid id) { return counts.getOrDefault(id, -1); }
        public Set<String> racksForPartition(Uuid id, int partition) { return Set.of(); }
    }

    static Map<Uuid, Set<Integer>> partitions(JsonNode node) {
        Map<Uuid, Set<Integer>> result = new HashMap<>();
        node.fields().forEachRemaining(topic -> {
            Set<Integer> numbers = new HashSet<>();
            topic.getValue().forEach(number -> numbers.add(number.asInt()));
            result.put(Uuid.fromString(topic.getKey()), numbers);
        });
        return result;
    }

    public static void main(String[] arguments) throws Exception {
        ObjectMapper json = new ObjectMapper();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode group = json.readTree(line);
            Topics topics = new Topics(new HashMap<>(), new HashMap<>(), new HashMap<>());
            group.get("topics").forEach(topic -> {
                Uuid id = Uuid.fromString(topic.get("id").asText());
                topics.ids.put(topic.get("name").asText(), id);
                topics.names.put(id, topic.get("name").asText());
                topics.counts.put(id, topic.get("partitions").asInt());
            });
            Map<String, MemberSubscriptionAndAssignmentImpl> members = new HashMap<>();
            group.get("members").forEach(member -> {
                Set<String> names = new HashSet<>();
                member.get("subscribed").forEach(name -> names.add(name.asText()));
                members.put(member.get("id").asText(), new MemberSubscriptionAndAssignmentImpl(
                    Optional.empty(), Optional.empty(), new TopicIds(names, topics),
                    new Assignment(partitions(member.get("assigned")))));
            });
            SubscriptionType type = SubscriptionType.valueOf(group.get("type").asText());
            Map<String, MemberAssignment> assigned;
            try {
                assigned = new SimpleAssignor().assign(
                    new GroupSpecImpl(members, type, Map.of(), Optional.of(partitions(group.get("assignable")))),
                    topics).members();
            } catch (PartitionAssignorException givenUp) {
                System.out.println("null");
                continue;
            }
            Map<String, Map<String, Set<Integer>>> answer = new TreeMap<>();
            assigned.forEach((member, assignment) -> {
                Map<String, Set<Integer>> byTopic = new TreeMap<>();
                assignment.partitions().forEach((id, numbers) -> byTopic.put(id.toString(), new TreeSet<>(numbers)));
                answer.put(member, byTopic);
            });
            System.out.println(json.writeValueAsString(answer));
        }
    }
}
