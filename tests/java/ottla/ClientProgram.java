package ottla;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Apache's Java clients as a user holds them; what is sent and printed is told in tests/conversation.py.
 *
 * <pre>
 *   produce BOOTSTRAP TOPIC COUNT CODEC
 *   consume BOOTSTRAP TOPIC GROUP COUNT ASSIGNOR     two members of one group, until both have partitions
 *   admin   BOOTSTRAP TOPIC
 * </pre>
 */
public final class ClientProgram {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration PATIENCE = Duration.ofSeconds(45);

    private static void produce(String bootstrap, String topic, int count, String codec) throws Exception {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", bootstrap,
                "compression.type", codec,
                "acks", "all",
                "enable.idempotence", true,
                "batch.size", 2000,
                "linger.ms", 5);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                var headers = List.<org.apache.kafka.common.header.Header>of(
                        new RecordHeader("n", Integer.toString(i).getBytes(StandardCharsets.UTF_8)));
                sent.add(producer.send(new ProducerRecord<>(topic, null, "k" + i % 10, "v" + i, headers)));
            }
            for (Future<RecordMetadata> each : sent) each.get();
        }
    }

    private static KafkaConsumer<String, String> member(String bootstrap, String topic, String group, String assignor) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("group.id", group);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", false);
        settings.put("heartbeat.interval.ms", 200);
        settings.put("fetch.max.wait.ms", 100);
        settings.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer." + assignor);
        var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    private static void print(ConsumerRecord<String, String> record) {
        ArrayNode line = JSON.createArrayNode();
        String n = new String(record.headers().lastHeader("n").value(), StandardCharsets.UTF_8);
        line.add(record.partition()).add(record.offset()).add(record.key()).add(record.value()).add(n);
        System.out.println(line);
    }

    private static void consume(String bootstrap, String topic, String group, int count, String assignor) {
        Map<TopicPartition, Map<Long, ConsumerRecord<String, String>>> seen = new HashMap<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try (var first = member(bootstrap, topic, group, assignor);
                var second = member(bootstrap, topic, group, assignor)) {
            int records = 0;
            while (records < count || first.assignment().isEmpty() || second.assignment().isEmpty()) {
                if (System.nanoTime() > deadline) throw new IllegalStateException(records + " records, then nothing");
                for (var member : List.of(first, second))
                    for (var record : member.poll(Duration.ofMillis(50)))
                        seen.computeIfAbsent(new TopicPartition(topic, record.partition()), p -> new TreeMap<>())
                                .put(record.offset(), record);
                records = seen.values().stream().mapToInt(Map::size).sum();
            }
            first.commitSync();
            second.commitSync();
        }
        seen.values().forEach(partition -> partition.values().forEach(ClientProgram::print));
    }

    private static void admin(String bootstrap, String topic) throws Exception {
        ObjectNode seen = JSON.createObjectNode();
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        TopicPartition first = new TopicPartition(topic, 0);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            var made = admin.createTopics(
                    List.of(new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "77777"))));
            made.all().get();
            seen.put("madeWithPartitions", made.numPartitions(topic).get());
            seen.put("madeWithRetention", made.config(topic).get().get("retention.ms").value());
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
            var described = admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic);
            seen.put("partitions", described.partitions().size());
            seen.put("idIsTheSame", described.topicId().equals(made.topicId(topic).get()));

            var change = new AlterConfigOp(new ConfigEntry("segment.bytes", "1048576"), AlterConfigOp.OpType.SET);
            admin.incrementalAlterConfigs(Map.of(resource, List.of(change))).all().get();
            var config = admin.describeConfigs(Set.of(resource)).all().get().get(resource);
            seen.put("segmentBytes", config.get("segment.bytes").value());
            seen.put("segmentBytesSource", config.get("segment.bytes").source().name());
            seen.put("maxMessageBytesSource", config.get("max.message.bytes").source().name());

            produce(bootstrap, topic, 100, "lz4");
            var latest = admin.listOffsets(Map.of(first, OffsetSpec.latest())).all().get().get(first).offset();
            admin.deleteRecords(Map.of(first, RecordsToDelete.beforeOffset(latest))).all().get();
            var earliest = admin.listOffsets(Map.of(first, OffsetSpec.earliest())).all().get().get(first).offset();
            seen.put("recordsDeleted", earliest == latest);
            var producers = admin.describeProducers(Set.of(first)).all().get().get(first).activeProducers();
            seen.put("activeProducers", producers.size() == (latest > 0 ? 1 : 0));
            var cluster = admin.describeCluster();
            int broker = cluster.nodes().get().iterator().next().id();
            seen.put("controllerIsBroker", cluster.controller().get().id() == broker);
            var directories = admin.describeLogDirs(Set.of(broker)).allDescriptions().get().get(broker);
            seen.put("inLogDirs", directories.values().stream().anyMatch(d -> d.replicaInfos().containsKey(first)));
            admin.deleteTopics(Set.of(topic)).all().get();
            seen.put("listedAfterDelete", admin.listTopics().names().get().contains(topic));
        }
        System.out.println(seen);
    }

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "produce" -> produce(arguments[1], arguments[2], Integer.parseInt(arguments[3]), arguments[4]);
            case "consume" -> consume(
                    arguments[1], arguments[2], arguments[3], Integer.parseInt(arguments[4]), arguments[5]);
            case "admin" -> admin(arguments[1], arguments[2]);
            default -> throw new IllegalArgumentException("produce, consume or admin");
        }
    }
}
