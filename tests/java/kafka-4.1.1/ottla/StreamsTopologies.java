package ottla;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.metadata.TopicRecord;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.coordinator.group.generated.StreamsGroupTopologyValueJsonConverter;
import org.apache.kafka.coordinator.group.streams.StreamsTopology;
import org.apache.kafka.coordinator.group.streams.topics.ConfiguredTopology;
import org.apache.kafka.coordinator.group.streams.topics.InternalTopicManager;
import org.apache.kafka.image.TopicsDelta;
import org.apache.kafka.image.TopicsImage;

/**
 * What Apache makes of a topology and the topics there are: a question a line, an answer a line.
 *
 * <pre>
 *   {"topology": a StreamsGroupTopologyValue, "topics": {name: partitions}}
 *   {"error": text}
 *   {"status": number, "detail": text, "tasks": {subtopology: count}, "missing": {topic: partitions}}
 * </pre>
 */
public final class StreamsTopologies {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static TopicsImage topics(JsonNode counts) {
        TopicsDelta delta = new TopicsDelta(TopicsImage.EMPTY);
        counts.properties().forEach(entry -> {
            Uuid id = Uuid.randomUuid();
            delta.replay(new TopicRecord().setName(entry.getKey()).setTopicId(id));
            for (int partition = 0; partition < entry.getValue().asInt(); partition++) {
                delta.replay(new PartitionRecord().setTopicId(id).setPartitionId(partition).setLeader(1)
                        .setReplicas(List.of(1)).setIsr(List.of(1)));
            }
        });
        return delta.apply();
    }

    private static ObjectNode answer(JsonNode question) {
        ObjectNode answer = JSON.createObjectNode();
        ConfiguredTopology configured;
        try {
            StreamsTopology topology = StreamsTopology.fromRecord(
                    StreamsGroupTopologyValueJsonConverter.read(question.get("topology"), (short) 0));
            configured = InternalTopicManager.configureTopics(
                    new LogContext(), 0, topology, topics(question.get("topics")));
        } catch (ApiException error) {
            return answer.put("error", error.getMessage());
        }
        configured.topicConfigurationException().ifPresent(problem -> {
            answer.put("status", problem.status().code());
            answer.put("detail", problem.getMessage());
        });
        ObjectNode tasks = answer.putObject("tasks");
        configured.subtopologies().orElse(new TreeMap<>())
                .forEach((id, subtopology) -> tasks.put(id, subtopology.numberOfTasks()));
        ObjectNode missing = answer.putObject("missing");
        configured.internalTopicsToBeCreated()
                .forEach((name, topic) -> missing.put(name, topic.numPartitions()));
        return answer;
    }

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
            System.out.flush();
        }
    }

    private StreamsTopologies() {}
}
