package ottla;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;

/**
 * What Apache Avro makes of schemas, a question and an answer a line, both JSON.
 *
 * {"read": [text, ...], "validate": false} parses the texts with one parser after another and answers
 * {"texts": [text or null, ...], "errors": [null or message, ...]}; with "compare": true, the first is the reader's schema, the
 * second the writer's, and "found" is [[kind, location, message], ...] or, where Avro fails, "failure" is its message. With
 * "references": [text, ...] one parser reads these before each text, and "texts" leaves out what they define.
 */
public final class AvroJudge {
  private static final ObjectMapper JSON = new ObjectMapper();

  private AvroJudge() {}

  public static void main(String[] arguments) throws Exception {
    BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream answers = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = questions.readLine(); line != null; line = questions.readLine()) {
      answers.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
      if (!questions.ready()) {
        answers.flush();
      }
    }
    answers.flush();
  }

  @SuppressWarnings("deprecation") // the text without what references define has no other way
  private static ObjectNode answer(JsonNode question) {
    ObjectNode answer = JSON.createObjectNode();
    ArrayNode texts = answer.putArray("texts");
    ArrayNode errors = answer.putArray("errors");
    List<Schema> schemas = new ArrayList<>();
    for (JsonNode text : question.get("read")) {
      try {
        Schema.Parser parser = new Schema.Parser().setValidateDefaults(question.path("validate").asBoolean());
        List<Schema> references = new ArrayList<>();
        for (JsonNode reference : question.path("references")) {
          references.add(parser.parse(reference.textValue()));
        }
        Schema schema = parser.parse(text.textValue());
        String written = references.isEmpty() ? schema.toString() : schema.toString(references, false);
        schemas.add(schema);
        texts.add(written);
        errors.addNull();
      } catch (RuntimeException | StackOverflowError error) {
        texts.addNull();
        errors.add(String.valueOf(error));
      }
    }
    if (question.path("compare").asBoolean() && schemas.size() == 2) {
      compare(schemas.get(0), schemas.get(1), answer);
    }
    return answer;
  }

  private static void compare(Schema reader, Schema writer, ObjectNode answer) {
    try {
      ArrayNode found = JSON.createArrayNode();
      SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getResult().getIncompatibilities()
          .forEach(each -> found.addArray()
              .add(each.getType().toString()).add(each.getLocation()).add(each.getMessage()));
      answer.set("found", found);
    } catch (RuntimeException error) {
      answer.put("failure", String.valueOf(error.getMessage()));
    }
  }
}
