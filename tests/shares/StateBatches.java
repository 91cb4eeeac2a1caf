import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;

import org.apache.kafka.coordinator.share.PersisterStateBatchCombiner;
import org.apache.kafka.server.share.persister.PersisterStateBatch;

/**
 * Prints what Apache Kafka 4.1.1 makes of state batches laid over each other: the facts of test_shares_state_batches.py.
 *
 * A line: batches so far | newer batches | start offset | combined; a batch is first:last:delivery count:state.
 *
 * javac -cp JARS -d DIRECTORY StateBatches.java; java -cp DIRECTORY:JARS StateBatches > apache-4.1.1-state-batches.txt
 */
public class StateBatches {
    public static void main(String[] arguments) {
        Random random = new Random(932);
        for (int line = 0; line < 400; line++) {
            List<PersisterStateBatch> soFar = combine(List.of(), batches(random, random.nextInt(6)), -1);
            List<PersisterStateBatch> newer = batches(random, random.nextInt(5));
            long start = random.nextInt(3) == 0 ? -1 : random.nextInt(12);
            System.out.println(text(soFar) + "|" + text(newer) + "|" + start + "|" + text(combine(soFar, newer, start)));
        }
    }

    private static List<PersisterStateBatch> combine(
            List<PersisterStateBatch> soFar, List<PersisterStateBatch> newer, long start) {
        return new PersisterStateBatchCombiner(soFar, newer, start).combineStateBatches();
    }

    private static List<PersisterStateBatch> batches(Random random, int count) {
        byte[] states = {0, 2, 4};
        List<PersisterStateBatch> batches = new ArrayList<>();
        for (int each = 0; each < count; each++) {
            long first = random.nextInt(16);
            short deliveries = (short) (1 + random.nextInt(3));
            byte state = states[random.nextInt(3)];
            batches.add(new PersisterStateBatch(first, first + random.nextInt(6), state, deliveries));
        }
        return batches;
    }

    private static String text(List<PersisterStateBatch> batches) {
        return batches.stream()
            .map(b -> b.firstOffset() + ":" + b.lastOffset() + ":" + b.deliveryCount() + ":" + b.deliveryState())
            .collect(Collectors.joining(","));
    }
}
