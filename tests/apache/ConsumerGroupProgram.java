// Apache's KafkaConsumer with group.protocol=consumer: two members of one group, until both have partitions and COUNT records
// came; prints each record's value. The second argument from the end is an assignor, the last `topic` or `pattern`.
// Run from its source, with the jars of Apache Kafka 4.1.1 on the class path.
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.serialization.StringDeserializer;

public class ConsumerGroupProgram {
    static KafkaConsumer<String, String> member(String[] arguments) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("group.id", arguments[2]);
        settings.put("group.protocol", "consumer");
        settings.put("group.remote.assignor", arguments[4]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", false);
        settings.put("fetch.max.wait.ms", 100);
        var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        if (arguments[5].equals("pattern")) consumer.subscribe(new SubscriptionPattern(arguments[1] + ".*"));
        else consumer.subscribe(List.of(arguments[1]));
        return consumer;
    }

    public static void main(String[] arguments) {
        int count = Integer.parseInt(arguments[3]);
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        var seen = new TreeSet<String>();
        try (var first = member(arguments); var second = member(arguments)) {
            while (seen.size() < count || first.assignment().isEmpty() || second.assignment().isEmpty()) {
                if (System.nanoTime() > deadline) throw new IllegalStateException(seen.size() + " records, then nothing");
                for (var consumer : List.of(first, second))
                    consumer.poll(Duration.ofMillis(50)).forEach(record -> seen.add(record.value()));
            }
            first.commitSync();
            second.commitSync();
            System.out.println("assigned " + first.assignment().size() + " " + second.assignment().size());
        }
        seen.forEach(System.out::println);
    }
}
