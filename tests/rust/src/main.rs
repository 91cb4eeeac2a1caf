//! The rdkafka crate as a user holds it: produces and consumes what the test asks for.
//!
//!     rdkafka-client produce BOOTSTRAP TOPIC COUNT CODEC
//!     rdkafka-client consume BOOTSTRAP TOPIC GROUP COUNT
//!
//! What it sends and prints is told in ../../clients/test_clients_foreign.py.

use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::StreamExt;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use serde_json::json;

type Outcome = Result<(), Box<dyn std::error::Error>>;

async fn produce(bootstrap: &str, topic: &str, count: usize, codec: &str) -> Outcome {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("compression.type", codec)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .create()?;
    let records: Vec<(String, String, String)> = (0..count)
        .map(|i| (format!("k{}", i % 10), format!("v{i}"), i.to_string()))
        .collect();
    let sends = records.iter().map(|(key, value, n)| {
        let headers = OwnedHeaders::new().insert(Header { key: "n", value: Some(n) });
        let record = FutureRecord::to(topic).key(key).payload(value).headers(headers);
        producer.send(record, Duration::from_secs(30))
    });
    try_join_all(sends).await.map_err(|(error, _)| error)?;
    producer.flush(Duration::from_secs(30))?;
    Ok(())
}

fn line(message: &BorrowedMessage) -> serde_json::Value {
    let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
    let n = message.headers().and_then(|headers| text(headers.get(0).value));
    json!([message.partition(), message.offset(), text(message.key()), text(message.payload()), n])
}

async fn consume(bootstrap: &str, topic: &str, group: &str, count: usize) -> Outcome {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()?;
    consumer.subscribe(&[topic])?;
    let mut messages = consumer.stream();
    for _ in 0..count {
        let message = messages.next().await.ok_or("the stream ended")??;
        println!("{}", line(&message));
    }
    consumer.commit_consumer_state(CommitMode::Sync)?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["produce", bootstrap, topic, count, codec] => produce(bootstrap, topic, count.parse()?, codec).await,
        ["consume", bootstrap, topic, group, count] => consume(bootstrap, topic, group, count.parse()?).await,
        _ => Err("produce BOOTSTRAP TOPIC COUNT CODEC, or consume BOOTSTRAP TOPIC GROUP COUNT".into()),
    }
}
