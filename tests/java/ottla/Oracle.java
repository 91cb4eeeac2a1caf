package ottla;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.BaseRecords;
import org.apache.kafka.common.record.MemoryRecords;

/**
 * Kafka's own codecs behind a line protocol, so that a test in another language can ask what Apache would
 * have written. One request a line, fields parted by tabs, one answer a line:
 *
 * <pre>
 *   list                              ok  {"ProduceRequestData": [3, 13], ...}
 *   encode  CLASS  VERSION  JSON      ok  HEX
 *   decode  CLASS  VERSION  HEX       ok  JSON
 *                                     error  EXCEPTION: MESSAGE
 * </pre>
 *
 * JSON is that of the generated *JsonConverter classes. They leave out the bytes of `records` fields when they
 * write; here those come as base64, as the same converters read them.
 */
public final class Oracle {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONVERTER = "JsonConverter.class";

    private record Codec(Class<?> message, Method fromJson, Method toJson) {
        static Codec of(String className) throws ReflectiveOperationException {
            Class<?> message = Class.forName(className);
            Class<?> converter = Class.forName(className + "JsonConverter");
            return new Codec(
                    message,
                    converter.getMethod("read", JsonNode.class, short.class),
                    converter.getMethod("write", message, short.class));
        }

        Message empty() throws ReflectiveOperationException {
            return (Message) message.getConstructor().newInstance();
        }
    }

    private final Map<String, String> classNames = new TreeMap<>();
    private final Map<String, Codec> codecs = new HashMap<>();

    private Oracle() throws IOException {
        for (String entry : System.getProperty("java.class.path").split(System.getProperty("path.separator"))) {
            if (!Path.of(entry).getFileName().toString().matches("kafka[-_].*\\.jar")) continue;
            try (JarFile jar = new JarFile(entry)) {
                jar.stream()
                        .map(file -> file.getName())
                        .filter(name -> name.endsWith(CONVERTER) && !name.contains("$"))
                        .map(name -> name.substring(0, name.length() - CONVERTER.length()).replace('/', '.'))
                        .forEach(name -> classNames.putIfAbsent(name.substring(name.lastIndexOf('.') + 1), name));
            }
        }
    }

    private Codec codec(String name) throws ReflectiveOperationException {
        Codec known = codecs.get(name);
        if (known != null) return known;
        String className = classNames.get(name);
        if (className == null) throw new IllegalArgumentException("no message class " + name);
        Codec made = Codec.of(className);
        codecs.put(name, made);
        return made;
    }

    private String list() throws ReflectiveOperationException {
        ObjectNode versions = JSON.createObjectNode();
        for (String name : classNames.keySet()) {
            Message message = codec(name).empty();
            versions.putArray(name).add(message.lowestSupportedVersion()).add(message.highestSupportedVersion());
        }
        return versions.toString();
    }

    private String encode(String name, short version, String json) throws ReflectiveOperationException, IOException {
        Message message = (Message) codec(name).fromJson().invoke(null, JSON.readTree(json), version);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        if (buffer.hasRemaining()) throw new IllegalStateException(buffer.remaining() + " bytes fewer than sized");
        return HexFormat.of().formatHex(buffer.array());
    }

    private String decode(String name, short version, String hex) throws ReflectiveOperationException {
        Codec codec = codec(name);
        Message message = codec.empty();
        ByteBuffer buffer = ByteBuffer.wrap(HexFormat.of().parseHex(hex));
        message.read(new ByteBufferAccessor(buffer), version);
        if (buffer.hasRemaining()) throw new IllegalStateException(buffer.remaining() + " bytes left over");
        JsonNode json = (JsonNode) codec.toJson().invoke(null, message, version);
        fillRecords(json, message);
        return json.toString();
    }

    /** Walks JSON and message side by side and puts the bytes of each records field into the JSON. */
    private static void fillRecords(JsonNode json, Object message) throws ReflectiveOperationException {
        if (json.isArray() && message instanceof Iterable<?> elements) {
            Iterator<?> element = elements.iterator();
            for (JsonNode node : json) fillRecords(node, element.next());
        } else if (json instanceof ObjectNode object) {
            for (Method field : message.getClass().getDeclaredMethods()) {
                String name = field.getName();
                if (field.getParameterCount() != 0 || !(object.has(name) || object.has(name + "SizeInBytes"))) continue;
                Class<?> type = field.getReturnType();
                if (BaseRecords.class.isAssignableFrom(type)) {
                    object.remove(name + "SizeInBytes");
                    MemoryRecords records = (MemoryRecords) field.invoke(message);
                    if (records != null) object.set(name, BinaryNode.valueOf(bytes(records.buffer())));
                } else if (object.get(name) != null && object.get(name).isContainerNode()) {
                    fillRecords(object.get(name), field.invoke(message));
                }
            }
        }
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] copy = new byte[buffer.remaining()];
        buffer.duplicate().get(copy);
        return copy;
    }

    private String answer(String line) {
        String[] fields = line.split("\t", -1);
        try {
            return switch (fields[0]) {
                case "list" -> "ok\t" + list();
                case "encode" -> "ok\t" + encode(fields[1], Short.parseShort(fields[2]), fields[3]);
                case "decode" -> "ok\t" + decode(fields[1], Short.parseShort(fields[2]), fields[3]);
                default -> throw new IllegalArgumentException("no command " + fields[0]);
            };
        } catch (InvocationTargetException wrapped) {
            return "error\t" + oneLine(wrapped.getCause());
        } catch (Exception | StackOverflowError | OutOfMemoryError failure) {
            return "error\t" + oneLine(failure);
        }
    }

    private static String oneLine(Throwable failure) {
        return failure.toString().replace('\n', ' ').replace('\r', ' ').replace('\t', ' ');
    }

    public static void main(String[] arguments) throws IOException {
        Oracle oracle = new Oracle();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.print(oracle.answer(line) + "\n");
            if (!in.ready()) out.flush();
        }
    }
}
