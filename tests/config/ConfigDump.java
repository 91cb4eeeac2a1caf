import com.fasterxml.jackson.databind.ObjectMapper;
import java.lang.reflect.Method;
import java.util.*;
import org.apache.kafka.common.config.ConfigDef;

/**
 * Prints the facts of Apache Kafka's settings as JSON: name, type, default, valid values, importance and, for a
 * broker's, how it may be updated; for a topic's, the broker settings that give its default.
 *
 * java -cp 'jars of kafka_2.13 and its dependencies' ConfigDump.java > apache-VERSION-settings.json
 *
 * Works with 3.9.1 and 4.1.1: what one of them lacks is left out of the answer.
 */
public class ConfigDump {
    static Map<String, Object> facts(ConfigDef.ConfigKey key) {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("type", key.type.toString());
        boolean secret = key.type == ConfigDef.Type.PASSWORD;
        if (key.hasDefault())
            out.put("default", key.defaultValue == null || secret && !(key.defaultValue instanceof org.apache.kafka.common.config.types.Password)
                ? null : ConfigDef.convertToString(key.defaultValue, key.type));
        out.put("valid", key.validator == null ? null : key.validator.toString());
        out.put("importance", key.importance.toString());
        if (key.internalConfig) out.put("internal", true);
        return out;
    }

    static Map<String, Object> definitions(ConfigDef def) {
        Map<String, Object> out = new TreeMap<>();
        def.configKeys().forEach((name, key) -> out.put(name, facts(key)));
        return out;
    }

    static Object call(String type, String method, Object... args) {
        try {
            boolean scala = type.startsWith("kafka.");
            Class<?> c = Class.forName(scala ? type + "$" : type);
            Object self = scala ? c.getField("MODULE$").get(null) : null;
            for (Method m : c.getMethods())
                if (m.getName().equals(method) && m.getParameterCount() == args.length) return m.invoke(self, args);
        } catch (ReflectiveOperationException | LinkageError e) {
            System.err.println("without " + type + "." + method + ": " + e);
        }
        return null;
    }

    static Object field(String type, String name) {
        try {
            var f = Class.forName(type).getDeclaredField(name);
            f.setAccessible(true);
            return f.get(null);
        } catch (ReflectiveOperationException | LinkageError e) {
            System.err.println("without " + type + "." + name + ": " + e);
            return null;
        }
    }

    static Object synonyms() throws ReflectiveOperationException {
        Object all = field("org.apache.kafka.server.config.ServerTopicConfigSynonyms", "ALL_TOPIC_CONFIG_SYNONYMS");
        Map<String, Object> out = new TreeMap<>();
        for (Map.Entry<?, ?> e : ((Map<?, ?>) all).entrySet()) {
            List<Object> names = new ArrayList<>();
            for (Object s : (List<?>) e.getValue()) {
                Object name = s.getClass().getMethod("name").invoke(s);
                var converter = (java.util.function.Function<String, String>) s.getClass().getMethod("converter").invoke(s);
                names.add(List.of(name, Long.parseLong(converter.apply("1")) ));
            }
            out.put((String) e.getKey(), names);
        }
        return out;
    }

    public static void main(String[] args) throws Exception {
        Map<String, Object> all = new LinkedHashMap<>();
        Map<String, Object> broker = definitions((ConfigDef) call("kafka.server.KafkaConfig", "configDef"));
        Map<?, ?> modes = (Map<?, ?>) call("kafka.server.DynamicBrokerConfig", "dynamicConfigUpdateModes");
        broker.forEach((name, facts) -> ((Map<String, Object>) facts).put("update", modes.containsKey(name) ? modes.get(name) : "read-only"));
        all.put("broker", broker);
        all.put("topic", definitions((ConfigDef) call("org.apache.kafka.storage.internals.log.LogConfig", "configDefCopy")));
        all.put("topic_synonyms", synonyms());
        Object group = call("org.apache.kafka.coordinator.group.GroupConfig", "configDef");
        if (group == null) group = field("org.apache.kafka.coordinator.group.GroupConfig", "CONFIG");
        if (group == null) group = field("org.apache.kafka.coordinator.group.GroupConfig", "CONFIG_DEF");
        if (group != null) all.put("group", definitions((ConfigDef) group));
        Object metrics = call("org.apache.kafka.server.metrics.ClientMetricsConfigs", "configDef");
        if (metrics == null) metrics = field("org.apache.kafka.server.metrics.ClientMetricsConfigs", "CONFIG");
        if (metrics != null) all.put("client_metrics", definitions((ConfigDef) metrics));
        for (String q : new String[] {"userAndClientQuotaConfigs", "ipConfigs", "scramMechanismsPlusUserAndClientQuotaConfigs", "brokerQuotaConfigs"}) {
            Object d = call("org.apache.kafka.server.config.QuotaConfig", q);
            if (d != null) all.put(q, definitions((ConfigDef) d));
        }
        System.out.println(page(all));
    }

    /** One setting a line, so that a difference between two versions reads as one. */
    static String page(Map<String, Object> sections) throws Exception {
        ObjectMapper json = new ObjectMapper();
        List<String> parts = new ArrayList<>();
        for (Map.Entry<String, Object> section : sections.entrySet()) {
            List<String> lines = new ArrayList<>();
            for (Map.Entry<?, ?> e : ((Map<?, ?>) section.getValue()).entrySet())
                lines.add(json.writeValueAsString(e.getKey()) + ": " + json.writeValueAsString(e.getValue()));
            parts.add(json.writeValueAsString(section.getKey()) + ": {\n" + String.join(",\n", lines) + "\n}");
        }
        return "{\n" + String.join(",\n", parts) + "\n}";
    }
}
