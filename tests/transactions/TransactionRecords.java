// Prints the facts of apache-4.1.1-transaction-records.txt. Class path: kafka-clients, kafka-transaction-coordinator,
// kafka-server-common 4.1.1 and slf4j-api.
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogKey;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogValue;

public class TransactionRecords {
    static void print(String name, ByteBuffer buffer) {
        StringBuilder text = new StringBuilder(name).append(' ');
        while (buffer.hasRemaining()) {
            text.append(String.format("%02x", buffer.get()));
        }
        System.out.println(text);
    }

    static TransactionLogValue value(int status, List<TransactionLogValue.PartitionsSchema> partitions) {
        return new TransactionLogValue().setProducerId(4711).setProducerEpoch((short) 7).setTransactionTimeoutMs(60000)
            .setTransactionStatus((byte) status).setTransactionLastUpdateTimestampMs(1700000000456L)
            .setTransactionStartTimestampMs(status == 0 ? -1 : 1700000000123L).setTransactionPartitions(partitions);
    }

    public static void main(String[] arguments) {
        print("key", MessageUtil.toCoordinatorTypePrefixedByteBuffer(new TransactionLogKey().setTransactionalId("tx-é")));
        var partitions = List.of(
            new TransactionLogValue.PartitionsSchema().setTopic("a").setPartitionIds(List.of(0, 2)),
            new TransactionLogValue.PartitionsSchema().setTopic("b").setPartitionIds(List.of(1)));
        for (short version = 0; version <= 1; version++) {
            print("empty-" + version, MessageUtil.toVersionPrefixedByteBuffer(version, value(0, null)));
            for (int status = 1; status <= 3; status++) {
                print("status-" + status + "-" + version,
                    MessageUtil.toVersionPrefixedByteBuffer(version, value(status, partitions)));
            }
            for (int status = 4; status <= 5; status++) {
                print("status-" + status + "-" + version,
                    MessageUtil.toVersionPrefixedByteBuffer(version, value(status, List.of())));
            }
        }
        print("tagged", MessageUtil.toVersionPrefixedByteBuffer((short) 1, value(2, partitions)
            .setPreviousProducerId(4711).setNextProducerId(4712).setClientTransactionVersion((short) 2)));
    }
}
