package ottla;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

/**
 * A word count, as Apache's Kafka Streams runs it: lines from one topic, words repartitioned, counts in a store with a
 * changelog, every new count to another topic.
 *
 * <pre>
 *   BOOTSTRAP APPLICATION INPUT OUTPUT STATE_DIRECTORY [SETTING=VALUE...]
 * </pre>
 *
 * Prints each state of the application on a line, and ends when standard input does.
 */
public final class StreamsProgram {
    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, Path.of(arguments[4]).toString());
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        settings.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, 200);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put("auto.offset.reset", "earliest");
        for (String setting : Arrays.asList(arguments).subList(5, arguments.length)) {
            String[] pair = setting.split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(arguments[2], Consumed.with(Serdes.String(), Serdes.String()))
                .flatMapValues(line -> List.of(line.toLowerCase(Locale.ROOT).split(" ")))
                .groupBy((key, word) -> word, Grouped.with("words", Serdes.String(), Serdes.String()))
                .count(Materialized.as("counts"))
                .toStream()
                .to(arguments[3], Produced.with(Serdes.String(), Serdes.Long()));
        try (KafkaStreams application = new KafkaStreams(builder.build(), settings)) {
            application.setStateListener((now, before) -> {
                System.out.println(now);
                System.out.flush();
            });
            application.start();
            while (System.in.read() >= 0) {
                // Until whoever started this closes it.
            }
            application.close(Duration.ofSeconds(20));
        }
    }

    private StreamsProgram() {}
}
