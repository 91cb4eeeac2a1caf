// Command segmentio is github.com/segmentio/kafka-go as a user holds it.
//
//	segmentio produce BOOTSTRAP TOPIC COUNT CODEC
//	segmentio consume BOOTSTRAP TOPIC GROUP COUNT
//
// What it sends and prints is told in ../../clients/test_clients_foreign.py.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

var codecs = map[string]kafka.Compression{
	"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
}

func produce(ctx context.Context, bootstrap, topic string, count int, codec string) error {
	writer := &kafka.Writer{
		Addr:         kafka.TCP(bootstrap),
		Topic:        topic,
		Balancer:     &kafka.Murmur2Balancer{},
		RequiredAcks: kafka.RequireAll,
		Compression:  codecs[codec],
		BatchTimeout: 5 * time.Millisecond,
	}
	messages := make([]kafka.Message, count)
	for i := range messages {
		n := strconv.Itoa(i)
		messages[i] = kafka.Message{
			Key:     fmt.Appendf(nil, "k%d", i%10),
			Value:   []byte("v" + n),
			Headers: []kafka.Header{{Key: "n", Value: []byte(n)}},
		}
	}
	if err := writer.WriteMessages(ctx, messages...); err != nil {
		return err
	}
	return writer.Close()
}

func consume(ctx context.Context, bootstrap, topic, group string, count int) error {
	encoder := json.NewEncoder(os.Stdout)
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers:     []string{bootstrap},
		Topic:       topic,
		GroupID:     group,
		StartOffset: kafka.FirstOffset,
		MaxWait:     100 * time.Millisecond,
	})
	defer reader.Close()
	for range count {
		message, err := reader.FetchMessage(ctx)
		if err != nil {
			return err
		}
		n := string(message.Headers[0].Value)
		line := []any{message.Partition, message.Offset, string(message.Key), string(message.Value), n}
		if err := encoder.Encode(line); err != nil {
			return err
		}
		if err := reader.CommitMessages(ctx, message); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) != 5 {
		return fmt.Errorf("produce BOOTSTRAP TOPIC COUNT CODEC, or consume BOOTSTRAP TOPIC GROUP COUNT")
	}
	bootstrap, topic := arguments[1], arguments[2]
	if arguments[0] == "produce" {
		count, err := strconv.Atoi(arguments[3])
		if err != nil {
			return err
		}
		return produce(ctx, bootstrap, topic, count, arguments[4])
	}
	count, err := strconv.Atoi(arguments[4])
	if err != nil {
		return err
	}
	return consume(ctx, bootstrap, topic, arguments[3], count)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
