package ottla;

import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import io.confluent.kafka.serializers.KafkaAvroDeserializer;
import io.confluent.kafka.serializers.KafkaAvroSerializer;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/**
 * Confluent's Java client of registries, with its Avro serializer, as a user holds it.
 *
 * <pre>RegistryProgram REGISTRY_URL SUBJECT VALUE</pre>
 *
 * What it is given and prints is told in tests/registry/test_registry_foreign.py.
 */
public final class RegistryProgram {
  private static final String FIRST =
      "{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"item\",\"type\":\"string\"}]}";
  private static final String SECOND = FIRST.replace("]}", ",{\"name\":\"count\",\"type\":\"int\",\"default\":1}]}");
  private static final String REFUSED = FIRST.replace("]}", ",{\"name\":\"added\",\"type\":\"int\"}]}");

  private interface Call {
    Object run() throws Exception;
  }

  private static int code(Call call) throws Exception {
    try {
      call.run();
      return 0;
    } catch (RestClientException error) {
      return error.getErrorCode();
    }
  }

  private static void print(String name, Object value) {
    System.out.println(name + "\t" + value);
  }

  public static void main(String[] arguments) throws Exception {
    String url = arguments[0];
    String subject = arguments[1];
    var client = new CachedSchemaRegistryClient(url, 100);
    var settings = Map.of("schema.registry.url", url);
    var hex = HexFormat.of();
    try (var serializer = new KafkaAvroSerializer(client, settings);
        var deserializer = new KafkaAvroDeserializer(new CachedSchemaRegistryClient(url, 100), settings)) {
      print("read", deserializer.deserialize(subject, hex.parseHex(arguments[2])));

      String topic = subject + "-java";
      String own = topic + "-value";
      var order = new GenericData.Record(new Schema.Parser().parse(SECOND));
      order.put("item", "pen");
      order.put("count", 3);
      int first = client.register(own, new AvroSchema(FIRST));
      byte[] written = serializer.serialize(topic, order);
      print("written", hex.formatHex(written));
      print("again", ((GenericRecord) deserializer.deserialize(topic, written)).get("count"));
      print("versions", client.getAllVersions(own));
      print("id", client.getId(own, new AvroSchema(FIRST)) == first);
      print("fits", List.of(client.testCompatibility(own, new AvroSchema(FIRST)), client.testCompatibility(own, new AvroSchema(REFUSED))));
      print("reasons", client.testCompatibilityVerbose(own, new AvroSchema(REFUSED)).get(0).contains("READER_FIELD_MISSING_DEFAULT_VALUE"));
      print("latest", client.getLatestSchemaMetadata(own).getVersion());
      var list = new AvroSchema("{\"type\":\"array\",\"items\":\"Order\"}", List.of(new SchemaReference("Order", own, 2)), Map.of("Order", SECOND), null);
      int referring = client.register(own + "-list", list);
      print("references", new CachedSchemaRegistryClient(url, 100).getSchemaById(referring).references());
      print("compatibility", client.updateCompatibility(own, "FULL") + " " + client.getCompatibility(own));
      print("mode", client.setMode("READONLY", own) + " " + client.getMode(own));
      int locked = code(() -> client.register(own, new AvroSchema(REFUSED)));
      client.setMode("READWRITE", own);
      int refused = code(() -> client.register(own, new AvroSchema(REFUSED)));
      int referredTo = code(() -> client.deleteSchemaVersion(own, "2"));
      int unknown = code(() -> client.getSchemaById(Integer.MAX_VALUE));
      client.deleteSchemaVersion(own, "1");
      print("refusals", List.of(locked, refused, referredTo, unknown));
      print("deleted", client.getAllVersions(own));
      print("subjects", client.getAllSubjects().contains(own));
    }
  }
}
