// kafkajs as a user holds it.
//
//   node kafkajs.mjs produce BOOTSTRAP TOPIC COUNT CODEC
//   node kafkajs.mjs consume BOOTSTRAP TOPIC GROUP COUNT
//   node kafkajs.mjs admin BOOTSTRAP TOPIC
//
// What it sends and prints is told in ../clients/test_clients_foreign.py.
import kafkajs from "kafkajs";

const { CompressionTypes, Kafka, logLevel } = kafkajs;
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP };
const print = (value) => console.log(JSON.stringify(value));

async function produce(kafka, topic, count, codec) {
  const producer = kafka.producer({ idempotent: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = [...Array(Number(count)).keys()].map((i) => ({
    key: `k${i % 10}`,
    value: `v${i}`,
    headers: { n: `${i}` },
  }));
  for (let start = 0; start < messages.length; start += 100) {
    await producer.send({
      topic,
      compression: codecs[codec],
      messages: messages.slice(start, start + 100),
    });
  }
  await producer.disconnect();
}

async function consume(kafka, topic, groupId, count) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let seen = 0;
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer.run({
      eachMessage: async ({ partition, message: { offset, key, value, headers } }) => {
        print([partition, Number(offset), key.toString(), value.toString(), headers.n.toString()]);
        if (++seen === Number(count)) resolve();
      },
    });
  });
  await consumer.disconnect();
}

async function admin(kafka, topic) {
  const client = kafka.admin();
  await client.connect();
  const made = await client.createTopics({
    topics: [{ topic, numPartitions: 3, configEntries: [{ name: "retention.ms", value: "3600000" }] }],
  });
  await client.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
  const { topics } = await client.fetchTopicMetadata({ topics: [topic] });
  const { resources } = await client.describeConfigs({
    includeSynonyms: true,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ["retention.ms"] }],
  });
  const { brokers, controller, clusterId } = await client.describeCluster();
  const offsets = await client.fetchTopicOffsets(topic);
  await client.deleteTopics({ topics: [topic] });
  print({
    made,
    partitions: topics[0].partitions.length,
    retention: resources[0].configEntries[0].configValue,
    brokers: brokers.length,
    controllerIsBroker: brokers.some(({ nodeId }) => nodeId === controller),
    hasClusterId: Boolean(clusterId),
    offsets: offsets.map(({ low, high }) => [low, high]),
    listedAfterDelete: (await client.listTopics()).includes(topic),
  });
  await client.disconnect();
}

const [command, bootstrap, ...rest] = process.argv.slice(2);
const kafka = new Kafka({ clientId: "kafkajs", brokers: [bootstrap], logLevel: logLevel.NOTHING });
await { produce, consume, admin }[command](kafka, ...rest);
