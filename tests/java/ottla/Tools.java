package ottla;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs main classes one after the other in this JVM, so that a hundred tools start in the time of one.
 * A line of JSON in, {"main": CLASS, "arguments": [...], "stdin": TEXT, "timeoutSeconds": N}; a line of JSON out,
 * {"code": N, "stdout": TEXT, "stderr": TEXT}. A tool ends by returning, by Kafka's Exit, or by throwing; what it
 * hung on the JVM's shutdown runs then. A tool that outlives its time is interrupted as by SIGTERM: code 143.
 */
public final class Tools {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final class Exited extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Exited(int code) {
            super("exit " + code);
        }
    }

    // Set once and emptied before each tool: Scala's Console keeps the stream that it first saw.
    private static final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
    private static final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
    private static final List<Runnable> shutdownHooks = new CopyOnWriteArrayList<>();
    // Some tools catch what their own exit throws and exit again with another code: the first one counts.
    private static final AtomicReference<Integer> exitCode = new AtomicReference<>();

    private static void exit(int code) {
        exitCode.compareAndSet(null, code);
        throw new Exited(code);
    }

    private static int call(String mainClass, String[] arguments) {
        try {
            Class.forName(mainClass).getMethod("main", String[].class).invoke(null, (Object) arguments);
            return 0;
        } catch (InvocationTargetException thrown) {
            for (Throwable cause = thrown.getCause(); cause != null; cause = cause.getCause())
                if (cause instanceof Exited) return exitCode.get();
            if (exitCode.get() != null) return exitCode.get();
            thrown.getCause().printStackTrace();
            return 1;
        } catch (ReflectiveOperationException missing) {
            missing.printStackTrace();
            return 127;
        }
    }

    private static void runShutdownHooks() {
        List<Runnable> hooks = new ArrayList<>(shutdownHooks);
        shutdownHooks.removeAll(hooks);
        for (Runnable hook : hooks) {
            try {
                hook.run();
            } catch (Exited alreadyEnding) {
                // A hook's own exit changes nothing: the tool is ending.
            }
        }
    }

    private static ObjectNode run(JsonNode order) throws InterruptedException {
        List<String> arguments = new ArrayList<>();
        order.get("arguments").forEach(argument -> arguments.add(argument.asText()));
        stdout.reset();
        stderr.reset();
        exitCode.set(null);
        System.setIn(new ByteArrayInputStream(order.get("stdin").asText().getBytes(StandardCharsets.UTF_8)));
        int[] code = {143};
        Thread tool = new Thread(() -> code[0] = call(order.get("main").asText(), arguments.toArray(String[]::new)));
        tool.setDaemon(true);
        tool.start();
        tool.join(order.get("timeoutSeconds").asLong() * 1000);
        runShutdownHooks();
        tool.join(10_000);
        ObjectNode result = JSON.createObjectNode();
        result.put("code", code[0]);
        result.put("stdout", stdout.toString(StandardCharsets.UTF_8));
        result.put("stderr", stderr.toString(StandardCharsets.UTF_8));
        return result;
    }

    public static void main(String[] none) throws IOException, InterruptedException {
        Exit.setExitProcedure((code, message) -> exit(code));
        Exit.setHaltProcedure((code, message) -> exit(code));
        Exit.setShutdownHookAdder((name, hook) -> shutdownHooks.add(hook));
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(new PrintStream(stdout, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(stderr, true, StandardCharsets.UTF_8));
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String order = orders.readLine(); order != null; order = orders.readLine())
            answers.print(run(JSON.readTree(order)) + "\n");
    }
}
