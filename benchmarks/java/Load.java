import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Load by Apache's own clients, for what no other client does. Prints one JSON object.
 *
 * <pre>
 *   transact BOOTSTRAP TOPIC PARTITIONS SIZE PRODUCERS TRANSACTIONS RECORDS [KEY=VALUE...]
 *       PRODUCERS clients on a thread each commit TRANSACTIONS transactions, RECORDS in every one.
 *   share BOOTSTRAP TOPIC GROUP CONSUMERS COUNT [KEY=VALUE...]
 *       CONSUMERS share consumers of one group read until COUNT records are acknowledged, timed from the first
 *       record on: before that they wait for heartbeats.
 * </pre>
 */
public final class Load {
    private interface Work {
        void run(int number) throws Exception;
    }

    /** Runs the work on so many threads; seconds until the last is done. A failure of one ends the program. */
    private static double together(int threads, Work work) throws Exception {
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            all.add(new Thread(() -> {
                try {
                    work.run(number);
                } catch (Exception error) {
                    error.printStackTrace();
                    Runtime.getRuntime().halt(1);
                }
            }));
        }
        long start = System.nanoTime();
        for (Thread each : all) {
            each.start();
        }
        for (Thread each : all) {
            each.join();
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private static Properties settings(String bootstrap, String[] arguments, int from) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        for (String each : Arrays.copyOfRange(arguments, from, arguments.length)) {
            String[] pair = each.split("=", 2);
            properties.put(pair[0], pair[1]);
        }
        return properties;
    }

    private static void transact(String[] arguments) throws Exception {
        String topic = arguments[2];
        int partitions = Integer.parseInt(arguments[3]);
        byte[] value = new byte[Integer.parseInt(arguments[4])];
        int producers = Integer.parseInt(arguments[5]);
        int transactions = Integer.parseInt(arguments[6]);
        int records = Integer.parseInt(arguments[7]);
        List<KafkaProducer<byte[], byte[]>> all = new ArrayList<>();
        for (int i = 0; i < producers; i++) {
            Properties properties = settings(arguments[1], arguments, 8);
            properties.put("transactional.id", topic + "-" + i);
            all.add(new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer()));
            all.get(i).initTransactions();
        }
        long[] nanos = new long[producers * transactions];
        double seconds = together(producers, number -> {
            KafkaProducer<byte[], byte[]> producer = all.get(number);
            int sent = 0;
            for (int i = 0; i < transactions; i++) {
                long begin = System.nanoTime();
                producer.beginTransaction();
                for (int record = 0; record < records; record++) {
                    producer.send(new ProducerRecord<>(topic, sent++ % partitions, null, value));
                }
                producer.commitTransaction();
                nanos[number * transactions + i] = System.nanoTime() - begin;
            }
        });
        Arrays.sort(nanos);
        System.out.printf("{\"seconds\": %f, \"transactions\": %d, \"failed\": 0, \"p50_us\": %d, \"p99_us\": %d}%n",
                seconds, nanos.length, nanos[nanos.length / 2] / 1000, nanos[(int) (nanos.length * 0.99)] / 1000);
    }

    private static void share(String[] arguments) throws Exception {
        long wanted = Long.parseLong(arguments[5]);
        AtomicLong records = new AtomicLong();
        AtomicLong bytes = new AtomicLong();
        AtomicLong began = new AtomicLong();
        together(Integer.parseInt(arguments[4]), number -> {
            Properties properties = settings(arguments[1], arguments, 6);
            properties.put("group.id", arguments[3]);
            properties.put("client.id", "share-" + number);
            try (var consumer = new KafkaShareConsumer<>(
                    properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                consumer.subscribe(List.of(arguments[2]));
                while (records.get() < wanted) {
                    // What a poll brought is acknowledged with the next.
                    var polled = consumer.poll(Duration.ofMillis(200));
                    if (!polled.isEmpty()) {
                        began.compareAndSet(0, System.nanoTime());
                    }
                    for (var record : polled) {
                        records.incrementAndGet();
                        bytes.addAndGet(record.value().length);
                    }
                }
                consumer.commitSync();
            }
        });
        double seconds = (System.nanoTime() - began.get()) / 1e9;
        System.out.printf("{\"seconds\": %f, \"records\": %d, \"bytes\": %d, \"failed\": 0}%n",
                seconds, records.get(), bytes.get());
    }

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "transact" -> transact(arguments);
            case "share" -> share(arguments);
            default -> throw new IllegalArgumentException(arguments[0] + ": transact or share");
        }
        System.out.flush();
        Runtime.getRuntime().halt(0); // the clients' threads have nothing left to do
    }
}
