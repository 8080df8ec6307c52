/*
 * Every limit has a name, and it stands here. Sizes in bytes, times in milliseconds, as their names say.
 * Those that a user may change are defaults of the configuration; the others are part of a format or
 * protocol.
 */
#ifndef AVIARY_BASE_LIMITS_H
#define AVIARY_BASE_LIMITS_H

enum {
    /* Names and addresses */
    NAME_SIZE_MAX = 249, /* topics and groups, as in Kafka */
    HOST_SIZE_MAX = 255, /* a host name, without its NUL */
    LOG_LINE_MAX = 2048,

    /* The cluster */
    RAFT_MEMBERS_MAX = 16,          /* voters and learners of one group */
    BROKERS_MAX = RAFT_MEMBERS_MAX, /* each learns the metadata as a member of its group */
    FIRST_VOTERS_MAX = 5,
    REPLICATION_FACTOR_MAX = 7,
    TOPICS_MAX = 10000,
    PARTITIONS_PER_TOPIC_MAX = 1024,
    PARTITIONS_MAX = 131072,    /* of all topics of a cluster */
    INCARNATIONS_MAX = 1000000, /* ever given within a cluster */
    GROUPS_PER_BROKER_MAX = 20000,
    TOPIC_CONFIGS_MAX = 32,
    TOPIC_CONFIG_VALUE_MAX = 256,

    /* Records */
    RECORD_BATCH_BYTES_MAX = 8 * 1024 * 1024,     /* one Raft entry's payload */
    RECORD_BATCH_UNPACKED_MAX = 64 * 1024 * 1024, /* after decompression */
    RECORD_HEADERS_MAX = 64,
    RECORDS_PER_BATCH_MAX = 1000000,
    IDEMPOTENCY_KEYS_MAX = 262144, /* kept per partition, in log order */
    IDEMPOTENCY_KEY_SIZE_MAX = 256,
    PENDING_KEYS_MAX = 65536, /* per partition: proposed at the leader and not yet applied */

    /* Raft */
    RAFT_HEARTBEAT_MS = 50,
    RAFT_ELECTION_MIN_MS = 300,
    RAFT_ELECTION_MAX_MS = 600,
    RAFT_INFLIGHT_APPENDS_MAX = 64,             /* AppendEntries a follower, not yet answered */
    RAFT_INFLIGHT_BYTES_MAX = 16 * 1024 * 1024, /* of entries in them; the last may go beyond */
    RAFT_APPEND_BYTES_MAX = 1024 * 1024,        /* of entries in one AppendEntries, but at least one entry */
    RAFT_APPEND_ENTRIES_MAX = 1024,
    RAFT_SNAPSHOT_CHUNK_BYTES = 1024 * 1024,
    RAFT_SNAPSHOT_BYTES_MAX = 256 * 1024 * 1024,
    RAFT_READS_MAX = 4096,            /* read index requests of one group, not yet answered */
    RAFT_CONFIGURATIONS_MAX = 64,     /* of one group not known to be committed, and the one before */
    RAFT_TERM_RUNS_MAX = 1024 * 1024, /* runs of equal terms in one log: elections since its start */

    /* Storage */
    STORAGE_BATCH_OPERATIONS_MAX = 1024 * 1024,
    STORAGE_COMMIT_BYTES_MAX = 16 * 1024 * 1024, /* gathered into one synced write, but at least one batch */
    STORAGE_POINT_DELETES_MAX = 64,              /* entries removed one by one; more of them as one range */
    STORAGE_WITNESS_DELAY_MS = 30, /* from a commit to the witness's write, which may take 20 more */
    STORAGE_DISK_POLL_MS = 500,
    STORAGE_SPACE_RETRY_MS = 50,    /* a writer that waits for free space looks again */
    STORAGE_STALL_LOG_MS = 10000,   /* between two lines of the log about writes that wait */
    STORAGE_INODES_MIN = 64,        /* RocksDB must never meet a disk without room for a file */
    STORAGE_LOST_DATABASES_MAX = 2, /* set aside, the newest; older ones are removed */

    /* Peer streams */
    PEER_CONTROL_FRAME_BYTES_MAX = 64 * 1024,
    PEER_BULK_FRAME_BYTES_MAX = 16 * 1024 * 1024,
    PEER_QUEUE_BYTES_MAX = 64 * 1024 * 1024, /* a stream's frames waiting to be sent */

    /* The broker */
    TURN_BULK_BYTES_MAX = 4 * 1024 * 1024, /* of entries that one turn takes; the last may go beyond */
    MAILBOX_ITEMS_MAX = 65536,             /* waiting for the next turn of the shard */
    SCRUB_CHUNK_BYTES = 256 * 1024,        /* of a log, read at once by the scrub; but at least one entry */
    BACKLOG_BYTES_MAX = 256 * 1024 * 1024, /* appended, not yet durable here or not yet committed */

    /* HTTP */
    HTTP_HEADERS_MAX = 64,
    HTTP_HEAD_BYTES_MAX = 16 * 1024,
    HTTP_BODY_BYTES_MAX = 8 * 1024 * 1024,
    HTTP_BODY_DEADLINE_MS = 10000,
    HTTP_BODY_RATE_MIN_BYTES_PER_S = 1024,
    HTTP_BODY_RATE_GRACE_MS = 5000, /* before the rate counts */
    HTTP_HEAD_DEADLINE_MS = 10000,  /* a new connection's first head */
    HTTP_CONNECTIONS_MAX = 2048,
    HTTP_PATH_SEGMENTS_MAX = 16,
    HTTP_QUERY_PARAMETERS_MAX = 32,
    HTTP_BODIES_BYTES_MAX = 256 * 1024 * 1024,    /* of all requests of a server at once */
    HTTP_RESPONSES_BYTES_MAX = 512 * 1024 * 1024, /* of all responses of a server that are being sent */
    HTTP_RESPONSE_HEAD_BYTES_MAX = 32 * 1024,
    HTTP_RESPONSE_BYTES_MAX = 128 * 1024 * 1024,
    HTTP_RESPONSE_DEADLINE_MS = 60000, /* for the client to take a whole response */
    HTTP_IDLE_TIMEOUT_MS = 60000,      /* a kept connection without a request */
    HTTP_LINGER_MS = 1000,             /* what a refused client still sends is taken for so long */
    HTTP_SURPLUS_WAIT_MS = 250,  /* for the request of a connection above the limit, to refuse it in words */
    HTTP_START_GRACE_MS = 10000, /* for a server's threads to begin */
    HTTP_STOP_GRACE_MS = 2000,   /* for handlers to return when a server stops */
    HTTP_CONNECT_TIMEOUT_MS = 2000,
    HTTP_CLIENT_IDLE_MAX = 64, /* kept connections of one client */
    HTTP_CLIENT_LOOK_MS = 10,  /* between two looks at whether an answer is still wanted */
    REQUEST_DEADLINE_MS = 5000,
    LONG_POLL_MS_MAX = 60000,
    FETCH_RECORDS_DEFAULT = 500,
    FETCH_BYTES_DEFAULT = 1024 * 1024,
    FETCH_BYTES_MAX = 16 * 1024 * 1024,
    FETCH_RECORDS_MAX = 100000,
    JSON_DEPTH_MAX = 64,
    JSON_VALUES_MAX = 262144, /* values and names in one document that is read into a tree */

    /* The API */
    LONG_POLLS_MAX = 1024,     /* readers that wait at one broker */
    READ_PLACES_MAX = 32,      /* requests that read or unpack a batch or a few, of one broker at once */
    READ_PLACES_LARGE_MAX = 8, /* the same for those that ask for more than READ_LARGE_BYTES */
    READ_LARGE_BYTES = 256 * 1024,
    LONG_POLL_PIECE_MS = 200,  /* one that waits looks up this often */
    FORWARD_ATTEMPT_MS = 2000, /* for another broker's answer, before the leader is looked for again */
    FORWARD_HEARSAY_MS = 700,  /* the same where nobody here hears of a new leader: an election, and some */
    FORWARD_WAIT_MS = 1000,    /* of a long poll at another broker, before it is asked again */
    FANOUT_MS = 1000,          /* for all brokers' answers, where one request asks all of them */
    FANOUT_THREADS_MAX = 8,    /* of one such request */
    PEERS_FRESH_MS = 1000,     /* who is alive is asked again after this */
    SIMPLE_MESSAGES_DEFAULT = 50, /* of the simple dialect's GET /messages */
    SIMPLE_MESSAGES_MAX = 1000,
    SIMPLE_SYNC_MAX = 10000,          /* messages in one answer of POST /sync */
    SIMPLE_SCAN_RECORDS_MAX = 100000, /* looked at for one request that filters */
    SIMPLE_NAME_BYTES_MAX = 200,      /* sender, recipient, msg_id */
    SIMPLE_LEADER_WAIT_MS = 1000,     /* for a leader, before this replica's own messages are shown */

    /* Coordination */
    COORDINATION_NODE_BYTES_MAX = 256 * 1024, /* a node's data; ZooKeeper itself drops connections at 1 MB */
    COORDINATION_PATH_MAX = 512,              /* a node's path, prefix included, with its NUL */
    COORDINATION_PARTITIONS_MAX = 131072,     /* partition states one broker publishes */
    COORDINATION_REQUESTS_MAX = 128,          /* sent to ZooKeeper and not yet answered */
    COORDINATION_SESSION_TIMEOUT_MS = 6000,
    COORDINATION_SESSION_TIMEOUT_MIN_MS = 100,
    COORDINATION_SESSION_TIMEOUT_MAX_MS = 60000,
    COORDINATION_BACKOFF_MIN_MS = 50,
    COORDINATION_BACKOFF_MAX_MS = 2000,
    COORDINATION_CLOSE_MS = 1000, /* coordination_destroy waits no longer */
};

#endif
