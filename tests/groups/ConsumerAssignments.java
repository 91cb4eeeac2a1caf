// What Apache's UniformAssignor and RangeAssignor make of groups, line by line: a group as JSON in, its assignment as JSON
// out. The members keep the order they come in.
// Run from its source, with the jars of Apache Kafka 4.1.1 on the class path.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.ConsumerGroupPartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.MemberAssignment;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.RangeAssignor;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.modern.Assignment;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;
import org.apache.kafka.coordinator.group.modern.TopicIds;
import org.apache.kafka.image.TopicsImage;

public class ConsumerAssignments {
    record Topics(Map<String, Uuid> ids, Map<Uuid, String> names, Map<Uuid, Integer> counts)
            implements TopicIds.TopicResolver, SubscribedTopicDescriber {
        public TopicsImage image() { return null; }
        public String name(Uuid id) { return names.get(id); }
        public Uuid id(String name) { return ids.get(name); }
        public void clear() { }
        public int numPartitions(Uuid id) { return counts.getOrDefault(id, -1); }
        public Set<String> racksForPartition(Uuid id, int partition) { return Set.of(); }
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
            Map<Uuid, Map<Integer, String>> owners = new HashMap<>();
            Map<String, MemberSubscriptionAndAssignmentImpl> members = new LinkedHashMap<>();
            group.get("members").forEach(member -> {
                Set<String> names = new HashSet<>();
                member.get("subscribed").forEach(name -> names.add(name.asText()));
                Map<Uuid, Set<Integer>> assigned = new HashMap<>();
                member.get("assigned").fields().forEachRemaining(topic -> {
                    Uuid id = Uuid.fromString(topic.getKey());
                    Set<Integer> numbers = new HashSet<>();
                    topic.getValue().forEach(number -> {
                        numbers.add(number.asInt());
                        owners.computeIfAbsent(id, __ -> new HashMap<>())
                            .put(number.asInt(), member.get("id").asText());
                    });
                    assigned.put(id, numbers);
                });
                members.put(member.get("id").asText(), new MemberSubscriptionAndAssignmentImpl(
                    Optional.empty(), Optional.ofNullable(member.get("instance").textValue()),
                    new TopicIds(names, topics), new Assignment(assigned)));
            });
            ConsumerGroupPartitionAssignor assignor =
                group.get("assignor").asText().equals("range") ? new RangeAssignor() : new UniformAssignor();
            SubscriptionType type = SubscriptionType.valueOf(group.get("type").asText());
            Map<String, MemberAssignment> assigned = assignor.assign(
                new GroupSpecImpl(Collections.unmodifiableMap(members), type, owners), topics).members();
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
