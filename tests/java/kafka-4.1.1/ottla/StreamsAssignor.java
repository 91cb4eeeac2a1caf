package ottla;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.coordinator.group.streams.assignor.AssignmentMemberSpec;
import org.apache.kafka.coordinator.group.streams.assignor.GroupAssignment;
import org.apache.kafka.coordinator.group.streams.assignor.GroupSpecImpl;
import org.apache.kafka.coordinator.group.streams.assignor.StickyTaskAssignor;
import org.apache.kafka.coordinator.group.streams.assignor.TopologyDescriber;

/**
 * Apache's own sticky task assignor: a question a line, an answer a line.
 *
 * <pre>
 *   {"members": {id: {"process": id, "active": {subtopology: [partition...]}, "standby": {...}}},
 *    "subtopologies": {id: {"tasks": count, "stateful": true}}, "standbys": count}
 *   {id: {"active": {subtopology: [partition...]}, "standby": {...}}}
 * </pre>
 *
 * Run with -XX:hashCode=2: the assignor keeps members in hash sets by the hash of their address, which this makes one and
 * the same, so that they come out in the order in which they went in.
 */
public final class StreamsAssignor {
    private static final ObjectMapper JSON = new ObjectMapper();

    private record Subtopologies(TreeMap<String, JsonNode> byId) implements TopologyDescriber {
        @Override
        public List<String> subtopologies() {
            return new ArrayList<>(byId.keySet());
        }

        @Override
        public int maxNumInputPartitions(String id) {
            return byId.get(id).get("tasks").asInt();
        }

        @Override
        public boolean isStateful(String id) {
            return byId.get(id).get("stateful").asBoolean();
        }
    }

    private static Map<String, Set<Integer>> tasks(JsonNode node) {
        Map<String, Set<Integer>> tasks = new HashMap<>();
        node.properties().forEach(entry -> {
            Set<Integer> partitions = new HashSet<>();
            entry.getValue().forEach(each -> partitions.add(each.asInt()));
            tasks.put(entry.getKey(), partitions);
        });
        return tasks;
    }

    private static ObjectNode json(Map<String, Set<Integer>> tasks) {
        ObjectNode node = JSON.createObjectNode();
        new TreeMap<>(tasks).forEach((id, partitions) -> {
            ArrayNode array = node.putArray(id);
            partitions.stream().sorted().forEach(array::add);
        });
        return node;
    }

    private static ObjectNode answer(JsonNode question) {
        Map<String, AssignmentMemberSpec> members = new HashMap<>();
        question.get("members").properties().forEach(entry -> {
            JsonNode member = entry.getValue();
            members.put(entry.getKey(), new AssignmentMemberSpec(
                    Optional.empty(), Optional.empty(), tasks(member.get("active")), tasks(member.get("standby")),
                    Map.of(), member.get("process").asText(), Map.of(), Map.of(), Map.of()));
        });
        TreeMap<String, JsonNode> subtopologies = new TreeMap<>();
        question.get("subtopologies").properties()
                .forEach(entry -> subtopologies.put(entry.getKey(), entry.getValue()));
        Map<String, String> configs = Map.of("num.standby.replicas", question.get("standbys").asText());
        GroupAssignment assignment = new StickyTaskAssignor()
                .assign(new GroupSpecImpl(members, configs), new Subtopologies(subtopologies));
        ObjectNode answer = JSON.createObjectNode();
        assignment.members().forEach((id, member) -> {
            ObjectNode node = answer.putObject(id);
            node.set("active", json(member.activeTasks()));
            node.set("standby", json(member.standbyTasks()));
        });
        return answer;
    }

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
            System.out.flush();
        }
    }

    private StreamsAssignor() {}
}
