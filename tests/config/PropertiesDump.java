import com.fasterxml.jackson.databind.*;
import java.io.StringReader;
import java.util.*;

/**
 * Reads texts, one JSON string a line, and writes each with what java.util.Properties makes of it (null: an error).
 *
 * java -cp jackson-databind.jar:jackson-core.jar:jackson-annotations.jar PropertiesDump.java < texts > java-properties.jsonl
 */
public class PropertiesDump {
    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        Scanner in = new Scanner(System.in, "UTF-8");
        while (in.hasNextLine()) {
            String text = json.readValue(in.nextLine(), String.class);
            Map<String, String> read = new TreeMap<>();
            try {
                Properties p = new Properties();
                p.load(new StringReader(text));
                for (String name : p.stringPropertyNames()) read.put(name, p.getProperty(name));
            } catch (IllegalArgumentException e) {
                read = null;
            }
            System.out.println(json.writeValueAsString(Arrays.asList(text, read)));
        }
    }
}
