// @kafkajs/confluent-schema-registry as a user holds it.
//
//   node registry.mjs REGISTRY_URL SUBJECT VALUE
//
// What it is given and prints is told in ../registry/test_registry_foreign.py.
import confluent from "@kafkajs/confluent-schema-registry";

const { COMPATIBILITY, SchemaRegistry, SchemaType } = confluent;
const [, , host, subject, value] = process.argv;

const record = (...fields) => JSON.stringify({ type: "record", name: "Order", fields });
const item = { name: "item", type: "string" };
const count = { name: "count", type: "int", default: 1 };

async function refusal(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { status: error.status, message: error.message };
  }
}

const registry = new SchemaRegistry({ host, retry: { retries: 0 } });
const avro = (subject, ...fields) =>
  registry.register({ type: SchemaType.AVRO, schema: record(...fields) }, { subject, compatibility: COMPATIBILITY.BACKWARD });

const own = `${subject}-kafkajs`;
const first = await avro(own, item);
const second = await avro(own, item, count);
const written = await registry.encode(second.id, { item: "pen", count: 3 });

const json = await registry.register(
  { type: SchemaType.JSON, schema: JSON.stringify({ type: "object", properties: { item: { type: "string" } } }) },
  { subject: `${own}-json` },
);
await registry.register(
  { type: SchemaType.PROTOBUF, schema: 'syntax = "proto3"; package shop; message Price { int64 cents = 1; }' },
  { subject: `${own}-price` },
);
const proto = await registry.register(
  {
    type: SchemaType.PROTOBUF,
    schema: 'syntax = "proto3"; package shop; import "price.proto"; message Order { string item = 1; Price price = 2; }',
    references: [{ name: "price.proto", subject: `${own}-price`, version: 1 }],
  },
  { subject: `${own}-proto` },
);
const order = { item: "pen", price: { cents: 250 } };

// Another client, which knows nothing yet.
const another = new SchemaRegistry({ host, retry: { retries: 0 } });
const readAgain = async (id, payload) => another.decode(await registry.encode(id, payload));

console.log(
  JSON.stringify({
    read: await registry.decode(Buffer.from(value, "hex")),
    written: written.toString("hex"),
    sameId: (await avro(own, item)).id === first.id,
    latest: (await another.getLatestSchemaId(own)) === second.id,
    found: (await another.getRegistryIdBySchema(own, { type: SchemaType.AVRO, schema: record(item) })) === first.id,
    incompatible: await refusal(avro(own, item, { name: "added", type: "int" })),
    unknown: await refusal(another.getSchema(2147483647)),
    json: await readAgain(json.id, { item: "pen" }),
    protobuf: JSON.parse(JSON.stringify(await readAgain(proto.id, order))),
  }),
);
