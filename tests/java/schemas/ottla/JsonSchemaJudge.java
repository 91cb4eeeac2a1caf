package ottla;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.TreeSet;
import org.everit.json.schema.ArraySchema;
import org.everit.json.schema.CombinedSchema;
import org.everit.json.schema.EnumSchema;
import org.everit.json.schema.NotSchema;
import org.everit.json.schema.NumberSchema;
import org.everit.json.schema.ObjectSchema;
import org.everit.json.schema.Schema;
import org.everit.json.schema.StringSchema;
import org.everit.json.schema.loader.SchemaLoader;
import org.json.JSONArray;
import org.json.JSONObject;

/** What everit's library makes of JSON Schemas of drafts 4, 6 and 7: one a line, answered by its parts or an "error". */
public final class JsonSchemaJudge {
  private JsonSchemaJudge() {}

  public static void main(String[] arguments) throws Exception {
    BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream answers = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = questions.readLine(); line != null; line = questions.readLine()) {
      answers.println(answer(line));
      if (!questions.ready()) {
        answers.flush();
      }
    }
    answers.flush();
  }

  private static Object answer(String text) {
    try {
      SchemaLoader.SchemaLoaderBuilder loader = SchemaLoader.builder().useDefaults(true).draftV7Support();
      return described(loader.schemaJson(new JSONObject(text)).build().load().build());
    } catch (RuntimeException error) {
      return new JSONObject().put("error", String.valueOf(error));
    }
  }

  private static Object described(Schema schema) {
    if (schema == null) {
      return JSONObject.NULL;
    }
    JSONObject parts = new JSONObject();
    parts.put("kind", schema.getClass().getSimpleName().replace("Schema", ""));
    parts.put("title", orNull(schema.getTitle()));
    parts.put("id", orNull(schema.getId()));
    parts.put("default", schema.hasDefaultValue());
    if (schema instanceof StringSchema string) {
      parts.put("minLength", orNull(string.getMinLength())).put("maxLength", orNull(string.getMaxLength()));
      parts.put("pattern", string.getPattern() == null ? JSONObject.NULL : string.getPattern().toString());
    } else if (schema instanceof NumberSchema number) {
      parts.put("integer", number.requiresInteger()).put("multipleOf", orNull(number.getMultipleOf()));
      parts.put("minimum", orNull(number.getMinimum())).put("maximum", orNull(number.getMaximum()));
      parts.put("exclusiveMinimum", orNull(number.getExclusiveMinimumLimit()));
      parts.put("exclusiveMaximum", orNull(number.getExclusiveMaximumLimit()));
    } else if (schema instanceof EnumSchema enumeration) {
      parts.put("values", enumeration.getPossibleValues().size());
    } else if (schema instanceof NotSchema negation) {
      parts.put("not", described(negation.getMustNotMatch()));
    } else if (schema instanceof CombinedSchema combined) {
      parts.put("criterion", combined.getCriterion().toString()).put("shapes", all(combined.getSubschemas()));
      // Confluent's registry counts those once that print alike.
      parts.put("distinct", combined.getSubschemas().stream().map(Schema::toString).distinct().count());
    } else if (schema instanceof ArraySchema array) {
      describeArray(array, parts);
    } else if (schema instanceof ObjectSchema object) {
      describeObject(object, parts);
    }
    return parts;
  }

  private static void describeArray(ArraySchema array, JSONObject parts) {
    parts.put("allItems", described(array.getAllItemSchema()));
    parts.put("items", array.getItemSchemas() == null ? new JSONArray() : all(array.getItemSchemas()));
    parts.put("additional", array.permitsAdditionalItems() ? described(array.getSchemaOfAdditionalItems()) : false);
    parts.put("minItems", orNull(array.getMinItems())).put("maxItems", orNull(array.getMaxItems()));
    parts.put("uniqueItems", array.needsUniqueItems());
  }

  @SuppressWarnings("deprecation") // there is no other way to what is said of patterns
  private static void describeObject(ObjectSchema object, JSONObject parts) {
    parts.put("properties", all(object.getPropertySchemas()));
    parts.put("patterns", all(object.getPatternProperties()));
    parts.put("required", new JSONArray(new TreeSet<>(object.getRequiredProperties())));
    parts.put("additional",
        object.permitsAdditionalProperties() ? described(object.getSchemaOfAdditionalProperties()) : false);
    parts.put("minProperties", orNull(object.getMinProperties())).put("maxProperties", orNull(object.getMaxProperties()));
    JSONObject dependencies = new JSONObject();
    object.getPropertyDependencies().forEach((name, on) -> dependencies.put(name, new JSONArray(new TreeSet<>(on))));
    parts.put("propertyDependencies", dependencies);
    parts.put("schemaDependencies", all(object.getSchemaDependencies()));
  }

  private static JSONArray all(Collection<Schema> schemas) {
    JSONArray described = new JSONArray();
    schemas.forEach(schema -> described.put(described(schema)));
    return described;
  }

  private static JSONObject all(Map<?, Schema> schemas) {
    JSONObject described = new JSONObject();
    schemas.forEach((name, schema) -> described.put(name.toString(), described(schema)));
    return described;
  }

  private static Object orNull(Object value) {
    return value == null ? JSONObject.NULL : value;
  }
}
