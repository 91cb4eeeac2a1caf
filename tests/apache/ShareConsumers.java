// Apache's KafkaShareConsumer and the admin client's share group calls, as a user holds them. Run from its source, with the
// jars of Apache Kafka 4.1.1 on the class path.
//
//   share BOOTSTRAP TOPIC GROUP COUNT MEMBERS     members of one group, each of which gets some of COUNT records;
//                                                 "member value deliveryCount"
//   acknowledge BOOTSTRAP TOPIC GROUP COUNT       one member that releases each third record once, rejects each fifth
//                                                 and accepts the rest; "value deliveryCount action" until all are settled
//   alter BOOTSTRAP TOPIC GROUP OFFSET            the group's start offset in partition 0: before, and altered
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

public class ShareConsumers {
    static final long DEADLINE_MS = System.currentTimeMillis() + 100_000;

    static KafkaShareConsumer<String, String> consumer(String bootstrap, String group, String mode) {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", bootstrap, "group.id", group, "share.acknowledgement.mode", mode,
            "max.poll.records", 50);
        return new KafkaShareConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    static void checkTime(String waitedFor) {
        if (System.currentTimeMillis() > DEADLINE_MS) {
            throw new IllegalStateException("not in time: " + waitedFor);
        }
    }

    static void share(String bootstrap, String topic, String group, int count, int members) throws Exception {
        ConcurrentLinkedQueue<String> lines = new ConcurrentLinkedQueue<>();
        AtomicInteger arrived = new AtomicInteger();
        Set<Integer> heard = ConcurrentHashMap.newKeySet();
        Thread[] threads = new Thread[members];
        for (int number = 0; number < members; number++) {
            int member = number;
            threads[number] = new Thread(() -> {
                try (var consumer = consumer(bootstrap, group, "implicit")) {
                    consumer.subscribe(List.of(topic));
                    while (arrived.get() < count) {
                        checkTime(arrived + " of " + count + " records");
                        if (heard.contains(member) && heard.size() < members) {
                            Thread.sleep(10);  // leaves the rest to those that are not assigned yet
                            continue;
                        }
                        for (var record : consumer.poll(Duration.ofMillis(100))) {
                            lines.add(member + " " + record.value() + " " + record.deliveryCount().get());
                            arrived.incrementAndGet();
                            heard.add(member);
                        }
                    }
                    consumer.commitSync();
                } catch (InterruptedException never) {
                    throw new IllegalStateException(never);
                }
            });
            threads[number].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        lines.forEach(System.out::println);
    }

    static AcknowledgeType decide(ConsumerRecord<String, String> record, int number) {
        if (number % 3 == 0 && record.deliveryCount().get() == 1) {
            return AcknowledgeType.RELEASE;
        }
        return number % 5 == 0 ? AcknowledgeType.REJECT : AcknowledgeType.ACCEPT;
    }

    static void acknowledge(String bootstrap, String topic, String group, int count) {
        Set<String> settled = new HashSet<>();
        try (var consumer = consumer(bootstrap, group, "explicit")) {
            consumer.subscribe(List.of(topic));
            while (settled.size() < count) {
                checkTime(settled.size() + " of " + count + " settled");
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    AcknowledgeType type = decide(record, Integer.parseInt(record.value().substring(1)));
                    consumer.acknowledge(record, type);
                    System.out.println(record.value() + " " + record.deliveryCount().get() + " " + type);
                    if (type != AcknowledgeType.RELEASE && !settled.add(record.value())) {
                        throw new IllegalStateException(record.value() + " came again");
                    }
                }
                consumer.commitSync().forEach((partition, error) ->
                    error.ifPresent(thrown -> { throw new IllegalStateException(thrown); }));
            }
        }
    }

    static void printOffset(Admin admin, String group, TopicPartition partition) throws Exception {
        var offsets = admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec()))
            .partitionsToOffsetAndMetadata(group).get();
        System.out.println(offsets.get(partition) == null ? "none" : offsets.get(partition).offset());
    }

    static void alter(String bootstrap, String topic, String group, long offset) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (Admin admin = Admin.create(new HashMap<>(Map.of("bootstrap.servers", bootstrap)))) {
            printOffset(admin, group, partition);
            admin.alterShareGroupOffsets(group, Map.of(partition, offset)).all().get();
            printOffset(admin, group, partition);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[1], topic = arguments[2], group = arguments[3];
        int number = Integer.parseInt(arguments[4]);
        switch (arguments[0]) {
            case "share" -> share(bootstrap, topic, group, number, Integer.parseInt(arguments[5]));
            case "acknowledge" -> acknowledge(bootstrap, topic, group, number);
            case "alter" -> alter(bootstrap, topic, group, number);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }
}
