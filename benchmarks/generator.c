/* The load of the benchmarks, lean enough that the broker is what is measured. Prints one JSON object.
 *
 *   generator produce BOOTSTRAP TOPIC PARTITIONS SIZE COUNT PER_PARTITION [KEY=VALUE...]
 *       librdkafka: COUNT records of SIZE bytes, PER_PARTITION in a row to each partition in turn.
 *   generator consume BOOTSTRAP TOPIC PARTITIONS CONSUMERS COUNT [KEY=VALUE...]
 *       librdkafka: CONSUMERS clients of their own thread share the partitions and read COUNT records from offset 0.
 *   generator transact BOOTSTRAP TOPIC PARTITIONS SIZE PRODUCERS TRANSACTIONS RECORDS [KEY=VALUE...]
 *       librdkafka: PRODUCERS clients of their own thread commit TRANSACTIONS transactions each, RECORDS in every one.
 *   generator latency BOOTSTRAP TOPIC RATE SECONDS [KEY=VALUE...]
 *       librdkafka: open loop. A record carries the time at which it should have been sent, whether or not the
 *       client was late; its latency ends when a consumer in this process has it. The first fifth is not counted.
 *   generator replay HOST PORT FRAMES CONNECTIONS IN_FLIGHT COUNT
 *       Sockets: sends the frames of the file FRAMES (each with its length in front) round and round, keeping
 *       IN_FLIGHT requests unanswered on each connection, until COUNT are answered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what, const char *why) {
    fprintf(stderr, "generator: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void print_latencies(uint32_t *micros, long count) {
    if (count == 0)
        fail("latency", "nothing was measured");
    qsort(micros, (size_t)count, sizeof *micros, compare_u32);
    printf(", \"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u", micros[count / 2],
           micros[(long)((double)count * 0.99)], micros[(long)((double)count * 0.999)], micros[count - 1]);
}

/* ---- librdkafka ---- */

static rd_kafka_t *client(rd_kafka_type_t type, const char *bootstrap, char **settings, int count) {
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, error, sizeof error);
    for (int i = 0; i < count; i++) {
        char *setting = strdup(settings[i]), *value = strchr(setting, '=');
        if (!value)
            fail(setting, "KEY=VALUE wanted");
        *value++ = 0;
        if (rd_kafka_conf_set(conf, setting, value, error, sizeof error) != RD_KAFKA_CONF_OK)
            fail(setting, error);
        free(setting);
    }
    extern void on_delivery(rd_kafka_t *, const rd_kafka_message_t *, void *);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *made = rd_kafka_new(type, conf, error, sizeof error);
    if (!made)
        fail("rd_kafka_new", error);
    return made;
}

static atomic_long delivered, undelivered;

void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer, (void)opaque;
    atomic_fetch_add_explicit(message->err ? &undelivered : &delivered, 1, memory_order_relaxed);
}

static atomic_int done;

static void *serve_deliveries(void *producer) {
    while (!atomic_load_explicit(&done, memory_order_relaxed))
        rd_kafka_poll(producer, 10);
    return NULL;
}

static void produce(int argc, char **argv) {
    if (argc < 6)
        fail("produce", "BOOTSTRAP TOPIC PARTITIONS SIZE COUNT PER_PARTITION");
    int partitions = atoi(argv[2]);
    size_t size = (size_t)atol(argv[3]);
    long count = atol(argv[4]), in_a_row = atol(argv[5]);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, argv[0], argv + 6, argc - 6);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, argv[1], NULL);
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(producer, 0, topic, &metadata, 30000))
        fail("metadata", argv[1]);
    rd_kafka_metadata_destroy(metadata);
    pthread_t poller;
    pthread_create(&poller, NULL, serve_deliveries, producer);
    /* Text of few letters: compresses about as logs and JSON do. */
    char *payload = malloc(size + 4096);
    unsigned state = 12345;
    for (size_t i = 0; i < size + 4096; i++) {
        state = state * 1103515245u + 12345u;
        payload[i] = (i % 16 < 10) ? "timestamp: "[i % 11] : (char)('a' + (state >> 16) % 26);
    }
    int64_t start = now_ns();
    for (long i = 0; i < count; i++) {
        int32_t partition = (int32_t)((i / in_a_row) % partitions);
        while (rd_kafka_produce(topic, partition, 0, payload + (i * 61) % 4096, size, NULL, 0, NULL) == -1) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
            usleep(500);
        }
    }
    while (atomic_load(&delivered) + atomic_load(&undelivered) < count)
        usleep(200);
    double seconds = (double)(now_ns() - start) / 1e9;
    atomic_store(&done, 1);
    pthread_join(poller, NULL);
    printf("{\"seconds\": %f, \"records\": %ld, \"bytes\": %ld, \"failed\": %ld}\n", seconds, count, count * (long)size,
           atomic_load(&undelivered));
}

static void check(rd_kafka_error_t *error, const char *what) {
    if (error)
        fail(what, rd_kafka_error_string(error));
}

struct transactor {
    pthread_t thread;
    rd_kafka_t *producer;
    const char *topic;
    int partitions;
    size_t size;
    long transactions, records;
    uint32_t *latencies;
};

static void *commit_transactions(void *argument) {
    struct transactor *each = argument;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(each->producer, each->topic, NULL);
    char *payload = calloc(1, each->size);
    long number = 0;
    for (long i = 0; i < each->transactions; i++) {
        int64_t begin = now_ns();
        check(rd_kafka_begin_transaction(each->producer), "begin_transaction");
        for (long record = 0; record < each->records; record++, number++)
            while (rd_kafka_produce(topic, (int32_t)(number % each->partitions), RD_KAFKA_MSG_F_COPY, payload,
                                    each->size, NULL, 0, NULL) == -1) {
                if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                    fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
                rd_kafka_poll(each->producer, 1);
            }
        check(rd_kafka_commit_transaction(each->producer, 60000), "commit_transaction");
        each->latencies[i] = (uint32_t)((now_ns() - begin) / 1000);
    }
    return NULL;
}

static void transact(int argc, char **argv) {
    if (argc < 7)
        fail("transact", "BOOTSTRAP TOPIC PARTITIONS SIZE PRODUCERS TRANSACTIONS RECORDS");
    long producers = atol(argv[4]), transactions = atol(argv[5]), records = atol(argv[6]);
    struct transactor *all = calloc((size_t)producers, sizeof *all);
    uint32_t *micros = calloc((size_t)(producers * transactions), sizeof *micros);
    for (long i = 0; i < producers; i++) {
        char name[300], *settings[64];
        snprintf(name, sizeof name, "transactional.id=%s-%ld", argv[1], i);
        settings[0] = name;
        int count = 1;
        for (int j = 7; j < argc && count < 64; j++)
            settings[count++] = argv[j];
        all[i] = (struct transactor){.producer = client(RD_KAFKA_PRODUCER, argv[0], settings, count), .topic = argv[1],
                                     .partitions = atoi(argv[2]), .size = (size_t)atol(argv[3]),
                                     .transactions = transactions, .records = records,
                                     .latencies = micros + i * transactions};
        check(rd_kafka_init_transactions(all[i].producer, 60000), "init_transactions");
    }
    int64_t start = now_ns();
    for (long i = 0; i < producers; i++)
        pthread_create(&all[i].thread, NULL, commit_transactions, &all[i]);
    for (long i = 0; i < producers; i++)
        pthread_join(all[i].thread, NULL);
    double seconds = (double)(now_ns() - start) / 1e9;
    printf("{\"seconds\": %f, \"transactions\": %ld, \"records\": %ld, \"failed\": %ld", seconds,
           producers * transactions, atomic_load(&delivered), atomic_load(&undelivered));
    print_latencies(micros, producers * transactions);
    printf("}\n");
}

struct reader {
    pthread_t thread;
    const char *bootstrap, *topic;
    char **settings;
    int setting_count, partitions, number, readers;
};

static atomic_long records_read, bytes_read;
static long records_wanted;

static void *read_partitions(void *argument) {
    struct reader *reader = argument;
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, reader->bootstrap, reader->settings, reader->setting_count);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, reader->topic, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
    for (int partition = reader->number; partition < reader->partitions; partition += reader->readers)
        rd_kafka_consume_start_queue(topic, partition, 0, queue);
    rd_kafka_message_t *messages[1000];
    while (atomic_load_explicit(&records_read, memory_order_relaxed) < records_wanted) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, 50, messages, 1000);
        long bytes = 0, records = 0;
        for (ssize_t i = 0; i < got; i++) {
            if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                bytes += (long)messages[i]->len;
                records++;
            } else if (messages[i]->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                fail("consume", rd_kafka_message_errstr(messages[i]));
            }
            rd_kafka_message_destroy(messages[i]);
        }
        atomic_fetch_add(&bytes_read, bytes);
        atomic_fetch_add(&records_read, records);
    }
    return NULL;
}

static void consume(int argc, char **argv) {
    if (argc < 5)
        fail("consume", "BOOTSTRAP TOPIC PARTITIONS CONSUMERS COUNT");
    int readers = atoi(argv[3]);
    records_wanted = atol(argv[4]);
    struct reader *each = calloc((size_t)readers, sizeof *each);
    int64_t start = now_ns();
    for (int i = 0; i < readers; i++) {
        each[i] = (struct reader){.bootstrap = argv[0], .topic = argv[1], .settings = argv + 5,
                                  .setting_count = argc - 5, .partitions = atoi(argv[2]), .number = i,
                                  .readers = readers};
        pthread_create(&each[i].thread, NULL, read_partitions, &each[i]);
    }
    for (int i = 0; i < readers; i++)
        pthread_join(each[i].thread, NULL);
    printf("{\"seconds\": %f, \"records\": %ld, \"bytes\": %ld, \"failed\": 0}\n", (double)(now_ns() - start) / 1e9,
           atomic_load(&records_read), atomic_load(&bytes_read));
}

/* ---- open loop ---- */

static uint32_t *latencies;
static atomic_long measured;
static int64_t measure_from;

static void *receive(void *argument) {
    rd_kafka_t *consumer = ((void **)argument)[0];
    rd_kafka_topic_t *topic = ((void **)argument)[1];
    while (!atomic_load(&done)) {
        rd_kafka_message_t *message = rd_kafka_consume(topic, 0, 100);
        if (!message)
            continue;
        int64_t sent;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            memcpy(&sent, message->payload, sizeof sent);
            if (sent >= measure_from)
                latencies[atomic_fetch_add(&measured, 1)] = (uint32_t)((now_ns() - sent) / 1000);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consume_stop(topic, 0);
    (void)consumer;
    return NULL;
}

static void latency(int argc, char **argv) {
    if (argc < 4)
        fail("latency", "BOOTSTRAP TOPIC RATE SECONDS");
    long rate = atol(argv[2]), seconds = atol(argv[3]), count = rate * seconds;
    latencies = calloc((size_t)count + 1, sizeof *latencies);
    char *consuming[] = {"fetch.wait.max.ms=500", "fetch.queue.backoff.ms=0"};
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, argv[0], argv + 4, argc - 4);
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, argv[0], consuming, 1);
    rd_kafka_topic_t *to = rd_kafka_topic_new(producer, argv[1], NULL);
    rd_kafka_topic_t *from = rd_kafka_topic_new(consumer, argv[1], NULL);
    measure_from = now_ns() + seconds * 200000000LL;
    rd_kafka_consume_start(from, 0, RD_KAFKA_OFFSET_END);
    void *both[] = {consumer, from};
    pthread_t receiver, poller;
    pthread_create(&receiver, NULL, receive, both);
    pthread_create(&poller, NULL, serve_deliveries, producer);
    usleep(500000);
    char payload[100] = {0};
    int64_t start = now_ns();
    for (long i = 0; i < count; i++) {
        int64_t due = start + i * 1000000000LL / rate;
        struct timespec when = {due / 1000000000LL, due % 1000000000LL};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {}
        memcpy(payload, &due, sizeof due);
        if (rd_kafka_produce(to, 0, RD_KAFKA_MSG_F_COPY, payload, sizeof payload, NULL, 0, NULL) == -1)
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
    }
    rd_kafka_flush(producer, 30000);
    usleep(500000);
    atomic_store(&done, 1);
    pthread_join(receiver, NULL);
    pthread_join(poller, NULL);
    printf("{\"seconds\": %ld, \"records\": %ld, \"failed\": %ld", seconds, count, atomic_load(&undelivered));
    print_latencies(latencies, atomic_load(&measured));
    printf("}\n");
}

/* ---- sockets ---- */

struct connection {
    int socket;
    size_t frame, sent_of_frame, received, expected, first, unanswered;
    uint8_t head[4];
    int64_t *sent_at;
};

static void replay(int argc, char **argv) {
    if (argc < 6)
        fail("replay", "HOST PORT FRAMES CONNECTIONS IN_FLIGHT COUNT");
    size_t connections = (size_t)atol(argv[3]), in_flight = (size_t)atol(argv[4]);
    long count = atol(argv[5]);
    struct stat status;
    int file = open(argv[2], O_RDONLY);
    if (file < 0 || fstat(file, &status))
        fail(argv[2], strerror(errno));
    uint8_t *bytes = malloc((size_t)status.st_size);
    for (ssize_t at = 0, got; at < status.st_size; at += got)
        if ((got = read(file, bytes + at, (size_t)(status.st_size - at))) <= 0)
            fail(argv[2], "short read");
    size_t frames = 0, *starts = malloc(((size_t)status.st_size / 4 + 2) * sizeof *starts);
    for (size_t at = 0; at < (size_t)status.st_size; frames++) {
        starts[frames] = at;
        at += 4 + ntohl(*(uint32_t *)(bytes + at));
        starts[frames + 1] = at;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    inet_pton(AF_INET, argv[0], &address.sin_addr);
    int poll = epoll_create1(0);
    struct connection *all = calloc(connections, sizeof *all);
    for (size_t i = 0; i < connections; i++) {
        struct connection *each = &all[i];
        each->socket = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(each->socket, (struct sockaddr *)&address, sizeof address))
            fail("connect", strerror(errno));
        int on = 1;
        setsockopt(each->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        fcntl(each->socket, F_SETFL, O_NONBLOCK);
        each->sent_at = calloc(in_flight, sizeof *each->sent_at);
        each->frame = i % frames;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = each};
        epoll_ctl(poll, EPOLL_CTL_ADD, each->socket, &event);
    }
    latencies = calloc((size_t)count, sizeof *latencies);
    long sent = 0, answered = 0;
    static uint8_t sink[1 << 20];
    int64_t start = now_ns();
    while (answered < count) {
        struct epoll_event events[256];
        int ready = epoll_wait(poll, events, 256, 10000);
        if (ready <= 0)
            fail("replay", "no answer for ten seconds");
        for (int i = 0; i < ready; i++) {
            struct connection *each = events[i].data.ptr;
            for (ssize_t got;;) { /* take what has come */
                if ((got = recv(each->socket, sink, sizeof sink, 0)) <= 0) {
                    if (got == 0 || (errno != EAGAIN && errno != EINTR))
                        fail("recv", got == 0 ? "the broker closed the connection" : strerror(errno));
                    break;
                }
                for (size_t at = 0; at < (size_t)got;) {
                    if (each->received < 4) {
                        each->head[each->received++] = sink[at++];
                        if (each->received == 4)
                            each->expected = 4 + ntohl(*(uint32_t *)each->head);
                        continue;
                    }
                    size_t rest = each->expected - each->received, here = (size_t)got - at;
                    size_t take = rest < here ? rest : here;
                    each->received += take;
                    at += take;
                    if (each->received == each->expected) {
                        if (answered < count)
                            latencies[answered] = (uint32_t)((now_ns() - each->sent_at[each->first]) / 1000);
                        answered++;
                        each->first = (each->first + 1) % in_flight;
                        each->unanswered--;
                        each->received = 0;
                    }
                }
            }
            while ((each->unanswered < in_flight && sent < count) || each->sent_of_frame) { /* send what may go */
                if (each->sent_of_frame == 0) {
                    each->sent_at[(each->first + each->unanswered) % in_flight] = now_ns();
                    each->unanswered++;
                    sent++;
                }
                uint8_t *from = bytes + starts[each->frame];
                size_t length = starts[each->frame + 1] - starts[each->frame];
                ssize_t put = send(each->socket, from + each->sent_of_frame, length - each->sent_of_frame, MSG_NOSIGNAL);
                if (put < 0 && errno != EAGAIN)
                    fail("send", strerror(errno));
                if (put > 0)
                    each->sent_of_frame += (size_t)put;
                if (each->sent_of_frame < length) {
                    if (each->sent_of_frame == 0) { /* nothing went out: it is still to be sent */
                        each->unanswered--;
                        sent--;
                    }
                    break;
                }
                each->sent_of_frame = 0;
                each->frame = (each->frame + connections) % frames;
            }
        }
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    printf("{\"seconds\": %f, \"requests\": %ld, \"failed\": 0", seconds, count);
    print_latencies(latencies, count);
    printf("}\n");
}

int main(int argc, char **argv) {
    if (argc < 2)
        fail("usage", "produce, transact, consume, latency or replay; see the head of generator.c");
    if (!strcmp(argv[1], "produce"))
        produce(argc - 2, argv + 2);
    else if (!strcmp(argv[1], "transact"))
        transact(argc - 2, argv + 2);
    else if (!strcmp(argv[1], "consume"))
        consume(argc - 2, argv + 2);
    else if (!strcmp(argv[1], "latency"))
        latency(argc - 2, argv + 2);
    else if (!strcmp(argv[1], "replay"))
        replay(argc - 2, argv + 2);
    else
        fail(argv[1], "produce, transact, consume, latency or replay");
    fflush(stdout);
    _exit(0); /* librdkafka's threads have nothing left to do, and waiting for them is no part of the measure */
}
