import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.*;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.config.ConfigResource;

/**
 * Records how Apache Kafka answers DescribeConfigs and IncrementalAlterConfigs, one broker with number 1 and otherwise
 * default settings being up at the address given: the answers in a fixed order, one JSON line each.
 *
 * java -cp 'jars of kafka_2.13 and its dependencies' ConfigAnswers.java HOST:PORT > apache-VERSION-config-answers.jsonl
 */
public class ConfigAnswers {
    static Admin admin;
    static final ObjectMapper json = new ObjectMapper();

    static void say(Object... pairs) throws Exception {
        Map<String, Object> line = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) line.put((String) pairs[i], pairs[i + 1]);
        System.out.println(json.writeValueAsString(line));
    }

    static void describe(String label, ConfigResource.Type type, String name) throws Exception {
        ConfigResource r = new ConfigResource(type, name);
        try {
            Config c = admin.describeConfigs(List.of(r), new DescribeConfigsOptions().includeSynonyms(true)).all().get().get(r);
            TreeMap<String, Object> entries = new TreeMap<>();
            for (ConfigEntry e : c.entries()) {
                List<Object> synonyms = new ArrayList<>();
                for (var s : e.synonyms()) synonyms.add(Arrays.asList(s.name(), s.value(), s.source().toString()));
                entries.put(e.name(), Arrays.asList(e.value(), e.source().toString(), e.isReadOnly(), e.isSensitive(), e.type().toString(), synonyms));
            }
            say("describe", label, "type", type.toString(), "name", name, "entries", entries);
        } catch (ExecutionException e) {
            say("describe", label, "type", type.toString(), "name", name, "error", e.getCause().getClass().getSimpleName(), "message", e.getCause().getMessage());
        }
    }

    static void alter(ConfigResource.Type type, String name, String... ops) throws Exception {
        ConfigResource r = new ConfigResource(type, name);
        List<AlterConfigOp> list = new ArrayList<>();
        List<List<String>> said = new ArrayList<>();
        for (int i = 0; i < ops.length; i += 3) {
            list.add(new AlterConfigOp(new ConfigEntry(ops[i + 1], ops[i + 2]), OpType.valueOf(ops[i])));
            said.add(Arrays.asList(ops[i], ops[i + 1], ops[i + 2]));
        }
        String error = null, message = null;
        try {
            admin.incrementalAlterConfigs(Map.of(r, list)).all().get();
        } catch (ExecutionException e) {
            error = e.getCause().getClass().getSimpleName();
            message = e.getCause().getMessage();
        }
        say("alter", said, "type", type.toString(), "name", name, "error", error, "message", message);
        Thread.sleep(300);
    }

    public static void main(String[] args) throws Exception {
        admin = Admin.create(Map.of("bootstrap.servers", args[0]));
        var BROKER = ConfigResource.Type.BROKER; var TOPIC = ConfigResource.Type.TOPIC; var GROUP = ConfigResource.Type.GROUP; var METRICS = ConfigResource.Type.CLIENT_METRICS;
        admin.createTopics(List.of(new NewTopic("t", 1, (short) 1).configs(Map.of("retention.ms", "1000", "cleanup.policy", "compact")))).all().get();
        Thread.sleep(500);
        describe("broker at the start", BROKER, "1");
        describe("topic at the start", TOPIC, "t");
        describe("cluster default at the start", BROKER, "");
        alter(BROKER, "", "SET", "log.retention.ms", "5000");
        alter(BROKER, "1", "SET", "log.retention.ms", "6000");
        alter(BROKER, "", "SET", "log.cleanup.policy", "delete,compact");
        alter(BROKER, "1", "SET", "log.roll.ms", "7000");
        alter(BROKER, "1", "SET", "custom.unknown", "x");
        alter(BROKER, "", "SET", "sasl.jaas.config", "secret");
        alter(BROKER, "1", "SET", "listener.name.plaintext.max.connections", "77");
        alter(BROKER, "1", "SET", "listener.name.plaintext.sasl.jaas.config", "secret");
        alter(BROKER, "1", "SET", "leader.replication.throttled.rate", "1000");
        describe("broker after dynamic changes", BROKER, "1");
        describe("topic after the broker's dynamic changes", TOPIC, "t");
        describe("cluster default after dynamic changes", BROKER, "");
        alter(BROKER, "1", "SET", "log.dirs", "/x");
        alter(BROKER, "", "SET", "listeners", "PLAINTEXT://:1");
        alter(BROKER, "", "SET", "ssl.keystore.location", "/x");
        alter(BROKER, "1", "SET", "ssl.keystore.location", "/x");
        alter(BROKER, "", "SET", "log.retention.ms", "abc");
        alter(BROKER, "", "SET", "log.cleaner.threads", "-1");
        alter(BROKER, "", "SET", "log.cleaner.threads", "100");
        alter(BROKER, "", "SET", "compression.type", "zip");
        alter(BROKER, "", "APPEND", "compression.type", "zstd");
        alter(BROKER, "", "APPEND", "log.cleanup.policy", "compact");
        alter(BROKER, "", "SUBTRACT", "log.cleanup.policy", "delete");
        alter(BROKER, "", "SUBTRACT", "log.retention.ms", "1");
        alter(BROKER, "", "APPEND", "custom.unknown", "1");
        alter(BROKER, "", "SET", "log.retention.hours", "1");
        alter(BROKER, "1", "SET", "min.insync.replicas", "2");
        alter(BROKER, "1", "SET", "background.threads", "1000");
        alter(BROKER, "1", "SET", "advertised.listeners", "PLAINTEXT://x:1");
        alter(TOPIC, "t", "SET", "nonsense", "1");
        alter(TOPIC, "t", "APPEND", "nonsense", "1");
        alter(TOPIC, "t", "SET", "retention.ms", "-2");
        alter(TOPIC, "t", "SET", "retention.ms", "abc");
        alter(TOPIC, "t", "SET", "retention.ms", null);
        alter(TOPIC, "t", "SET", "cleanup.policy", "shrink");
        alter(TOPIC, "t", "SET", "cleanup.policy", "");
        alter(TOPIC, "t", "SET", "preallocate", "yes");
        alter(TOPIC, "t", "SET", "segment.bytes", "10");
        alter(TOPIC, "t", "SET", "min.cleanable.dirty.ratio", "1.5");
        alter(TOPIC, "t", "SET", "min.compaction.lag.ms", "10", "SET", "max.compaction.lag.ms", "5");
        alter(TOPIC, "t", "SET", "leader.replication.throttled.replicas", "a:b");
        alter(TOPIC, "t", "SET", "leader.replication.throttled.replicas", "0:1,1:2");
        alter(TOPIC, "t", "SET", "compression.gzip.level", "0");
        alter(TOPIC, "t", "APPEND", "retention.ms", "5");
        alter(TOPIC, "t", "APPEND", "cleanup.policy", "delete");
        alter(TOPIC, "t", "SUBTRACT", "cleanup.policy", "compact");
        alter(TOPIC, "t", "SUBTRACT", "leader.replication.throttled.replicas", "0:1");
        alter(TOPIC, "t", "APPEND", "follower.replication.throttled.replicas", "0:1");
        alter(TOPIC, "t", "SET", "segment.ms", " 5000 ");
        alter(TOPIC, "t", "DELETE", "retention.ms", null);
        alter(TOPIC, "t", "DELETE", "flush.ms", null);
        alter(TOPIC, "t", "DELETE", "nonsense", null);
        alter(TOPIC, "t", "SET", "flush.ms", "1", "SET", "flush.ms", "2");
        alter(TOPIC, "t", "SET", "remote.storage.enable", "true");
        alter(TOPIC, "missing", "SET", "flush.ms", "1");
        alter(TOPIC, "", "SET", "flush.ms", "1");
        describe("topic after its own changes", TOPIC, "t");
        describe("a topic that isn't there", TOPIC, "missing");
        alter(GROUP, "g", "SET", "consumer.session.timeout.ms", "50000");
        alter(GROUP, "g", "SET", "consumer.session.timeout.ms", "1");
        alter(GROUP, "g", "SET", "consumer.heartbeat.interval.ms", "0");
        alter(GROUP, "g", "SET", "nonsense", "0");
        alter(GROUP, "g", "APPEND", "consumer.session.timeout.ms", "0");
        alter(GROUP, "g", "SET", "streams.num.standby.replicas", "5");
        alter(GROUP, "", "SET", "consumer.session.timeout.ms", "50000");
        describe("a group", GROUP, "g");
        alter(METRICS, "m", "SET", "interval.ms", "60000");
        alter(METRICS, "m", "SET", "interval.ms", "6");
        alter(METRICS, "m", "SET", "match", "client_id=a.*");
        alter(METRICS, "m", "SET", "match", "nonsense=a");
        alter(METRICS, "m", "APPEND", "metrics", "a.b");
        alter(METRICS, "m", "SET", "nonsense", "a");
        alter(METRICS, "", "SET", "interval.ms", "60000");
        describe("client metrics", METRICS, "m");
        admin.close();
    }
}
